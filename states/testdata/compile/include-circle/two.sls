include:
  - one
  - three
two:
  test.nop: []
