include: [gone]
a: 1
