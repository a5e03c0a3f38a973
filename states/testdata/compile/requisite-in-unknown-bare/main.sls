a:
  test.nop:
    - require_in:
      - nothing
