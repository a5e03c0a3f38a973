extend:
  - a
b:
  test.nop: []
