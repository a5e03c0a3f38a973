pillar-exact:
  test.nop: []
