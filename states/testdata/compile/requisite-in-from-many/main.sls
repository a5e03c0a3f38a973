a0:
  test.nop:
    - require_in:
      - test: target
      - test: second

a1:
  test.nop:
    - require_in:
      - test: target
      - test: second

a2:
  test.nop:
    - require_in:
      - test: target
      - test: second

a3:
  test.nop:
    - require_in:
      - test: target
      - test: second
target:
  test.nop:
    - require:
      - test: own
second:
  test.nop: []
own:
  test.nop: []
