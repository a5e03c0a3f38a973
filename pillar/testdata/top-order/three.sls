k: three
l: 1
