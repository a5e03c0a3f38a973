a:
  test.nop:
    - x: 1
    - y: 1
    - name: other
    - require:
      - test: c
b:
  test.nop:
    - y: 2
    - use:
      - test: a
c:
  test.nop: []
d:
  pkg.installed:
    - use:
      - test: nothing
