glob:
  test.nop: []
