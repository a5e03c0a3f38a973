include:
  - other
a:
  test.nop:
    - require_in:
      - sls: other
      - test: z
z:
  test.nop: []
