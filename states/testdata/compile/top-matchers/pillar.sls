pillar:
  test.nop: []
