a:
  test.nop:
    - require:
      - pkg: nothing
