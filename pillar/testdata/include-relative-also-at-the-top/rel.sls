top: 1
k: top
