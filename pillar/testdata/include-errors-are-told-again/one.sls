include: [bad, good]
a: 1
