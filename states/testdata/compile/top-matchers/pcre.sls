pcre:
  test.nop: []
