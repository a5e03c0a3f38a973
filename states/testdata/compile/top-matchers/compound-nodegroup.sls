compound-nodegroup:
  test.nop: []
