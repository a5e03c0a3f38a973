a:
  test.nop:
    - watch_any:
      - test: c
    - listen:
      - test: c
b:
  test.nop:
    - use:
      - test: a
      - pkg: d
c:
  test.nop: []
d:
  pkg.installed:
    - watch_any:
      - test: b
