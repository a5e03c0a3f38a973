list:
  test.nop: []
