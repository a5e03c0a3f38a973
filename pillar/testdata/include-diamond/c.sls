c: 1
k: c
