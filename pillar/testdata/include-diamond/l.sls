include: [c]
l: 1
k: l
