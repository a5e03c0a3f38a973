include:
  - nothing
a:
  test.nop:
    - require:
      - sls: nothing
