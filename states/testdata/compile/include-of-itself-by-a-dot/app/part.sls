include:
  - .
part:
  test.nop: []
