include: [two]
a: 1
