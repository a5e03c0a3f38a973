ipcidr:
  test.nop: []
