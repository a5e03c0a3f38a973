include: [l, r]
one: {o: 1}
