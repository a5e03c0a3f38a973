a:
  test.nop:
    - require_in:
      - pkg: nothing
