grain-list: 1
