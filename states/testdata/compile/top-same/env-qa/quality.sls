quality:
  test.nop: []
