a1:
  test.nop:
    - k: 1
