last:
  test.nop:
    - order: last
    - names: [z, y, x]
early:
  test.nop:
    - order: 5
    - names: [b, a]
negative:
  test.nop:
    - order: -2
    - names: [n2, n1]
