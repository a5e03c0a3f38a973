nodegroup-nested:
  test.nop: []
