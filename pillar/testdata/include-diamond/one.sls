include: [l, r]
one: 1
