from-file:
  test.nop: []
