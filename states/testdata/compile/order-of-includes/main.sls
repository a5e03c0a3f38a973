include:
  - late
main-1:
  test.nop: []
main-2:
  test.nop: []
