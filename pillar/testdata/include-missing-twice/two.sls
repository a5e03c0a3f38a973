include: [gone]
