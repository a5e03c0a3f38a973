one-id:
  test.nop: []
