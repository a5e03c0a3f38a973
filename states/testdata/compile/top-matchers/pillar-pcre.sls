pillar-pcre:
  test.nop: []
