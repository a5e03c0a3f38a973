x:
  test.nop:
    - k: 0
    - onchanges: []
