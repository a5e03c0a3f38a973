include:
  - .part
  - ..sibling
app:
  test.nop: []
