include:
  - common
right:
  test.nop: []
