include:
  - .deep
part:
  test.nop: []
