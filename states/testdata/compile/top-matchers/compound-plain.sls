compound-plain:
  test.nop: []
