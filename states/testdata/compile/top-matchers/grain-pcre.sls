grain-pcre:
  test.nop: []
