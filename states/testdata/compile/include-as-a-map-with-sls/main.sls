include:
  - sls: other
  - base: second
a:
  test.nop: []
