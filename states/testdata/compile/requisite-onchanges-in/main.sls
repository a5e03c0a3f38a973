a:
  test.nop:
    - x: 1
    - onchanges_in:
      - test: b
      - test: c
b:
  test.nop:
    - y: 2
c:
  test.nop:
    - x: 3
