ipcidr: 1
