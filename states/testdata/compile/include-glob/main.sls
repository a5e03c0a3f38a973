include:
  - parts.*
main-id:
  test.nop: []
