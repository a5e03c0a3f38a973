include: [.rel]
