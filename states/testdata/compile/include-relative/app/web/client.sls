client:
  test.nop: []
