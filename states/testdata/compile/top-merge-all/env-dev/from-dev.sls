from-dev:
  test.nop: []
