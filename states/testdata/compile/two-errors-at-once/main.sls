a:
  test.nop: x
b:
  test:
    - k: v
c:
  test.nop:
    - require: d
