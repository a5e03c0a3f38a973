late-1:
  test.nop: []
late-2:
  test.nop:
    - order: 3
