include:
  - .part
app:
  test.nop: []
