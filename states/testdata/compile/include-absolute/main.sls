include:
  - lib.one
  - lib
main-id:
  test.nop: []
