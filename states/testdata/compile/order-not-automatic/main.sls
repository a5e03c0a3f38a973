b:
  test.nop: []
a:
  test.nop:
    - order: 7
c:
  pkg.installed: []
