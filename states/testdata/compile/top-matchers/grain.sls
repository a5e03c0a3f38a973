grain:
  test.nop: []
