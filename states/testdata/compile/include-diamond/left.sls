include:
  - common
left:
  test.nop: []
