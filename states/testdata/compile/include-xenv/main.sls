include:
  - _xenv: shared
a:
  test.nop: []
