exclude: [id: a]
a:
  test.nop:
    - require_in: [test: b]
b:
  test.nop:
    - watch_in: [test: a]
