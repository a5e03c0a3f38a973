include: [c]
r: 1
k: r
