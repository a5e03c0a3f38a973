include: [.leaf]
deep: 1
