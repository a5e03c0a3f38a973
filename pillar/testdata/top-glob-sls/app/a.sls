k: a
a: 1
