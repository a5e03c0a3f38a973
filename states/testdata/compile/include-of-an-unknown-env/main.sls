include:
  - nowhere: tools
a:
  test.nop: []
