include: [.rel, ..other]
a: 1
