lib-id:
  test.nop: []
