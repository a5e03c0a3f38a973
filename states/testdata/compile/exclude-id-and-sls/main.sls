include:
  - a
  - b
  - deep.c
exclude:
  - id: a2
  - sls: b
  - deep.*
main-id:
  test.nop: []
