include: [lib]
