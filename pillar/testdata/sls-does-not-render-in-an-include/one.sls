include: [bad]
a: 1
