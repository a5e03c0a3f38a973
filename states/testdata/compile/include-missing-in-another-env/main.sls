include:
  - dev: tools
a:
  test.nop: []
