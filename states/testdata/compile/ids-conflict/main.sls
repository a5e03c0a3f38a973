include:
  - other
x:
  test.nop: []
