tools:
  test.nop: []
