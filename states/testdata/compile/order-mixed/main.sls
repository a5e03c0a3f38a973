e:
  test.nop:
    - order: last
d:
  test.nop:
    - order: -1
c:
  test.nop: []
b:
  test.nop:
    - order: 1
a:
  test.nop:
    - order: first
f:
  test.nop:
    - order: 20000
g:
  test.nop: []
h:
  test.nop:
    - order: middle
i:
  test.nop:
    - order: 1.5
k:
  test.nop:
    - order: 0
