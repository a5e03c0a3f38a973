compound:
  test.nop: []
