include:
  - other:
      - a
      - b
a:
  test.nop: []
