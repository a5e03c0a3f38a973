k: b
b: 1
