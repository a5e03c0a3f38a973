include:
  - two
three:
  test.nop: []
