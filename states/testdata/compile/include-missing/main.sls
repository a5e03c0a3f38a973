include:
  - not.there
a:
  test.nop: []
