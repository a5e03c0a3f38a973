k: base
common: 1
