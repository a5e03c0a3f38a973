include: [c]
one: {l: 1}
k: {l: 1}
