k: common2
common2: 1
