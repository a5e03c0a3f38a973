from-base:
  test.nop: []
