include: [gone]
b: 1
