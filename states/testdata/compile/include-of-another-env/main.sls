include:
  - dev: tools
  - shared
main-id:
  test.nop: []
