from-init:
  test.nop: []
