many:
  test.nop:
    - names: [one, two]
    - order: 5
