include: [c]
k: {r: 1}
