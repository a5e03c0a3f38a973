grain-nested:
  test.nop: []
