a:
  test.nop:
    - require_in:
        test: b
    - watch_in:
        test: c
b:
  test.nop: []
c:
  test.nop:
    - watch:
      - test: b
