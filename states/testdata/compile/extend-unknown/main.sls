extend:
  nothing:
    file:
      - mode: 600
a:
  test.nop: []
