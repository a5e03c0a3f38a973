include:
  - more
tools:
  test.nop: []
