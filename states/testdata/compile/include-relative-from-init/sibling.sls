sibling:
  test.nop: []
