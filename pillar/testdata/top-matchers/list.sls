list: 1
