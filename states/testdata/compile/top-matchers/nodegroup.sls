nodegroup:
  test.nop: []
