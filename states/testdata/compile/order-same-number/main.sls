zz:
  test.nop:
    - order: 1
aa:
  test.nop:
    - order: 1
mm:
  cmd.run:
    - order: 1
