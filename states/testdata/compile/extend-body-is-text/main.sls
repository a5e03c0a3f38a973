extend:
  a: b.c
b:
  test.nop: []
