grain-list:
  test.nop: []
