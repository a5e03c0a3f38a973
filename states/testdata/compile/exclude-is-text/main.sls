exclude: b
a:
  test.nop: []
