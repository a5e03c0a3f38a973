a:
  test.nop:
    - require:
      - test: b
      watch:
      - test: b
b:
  test.nop: []
