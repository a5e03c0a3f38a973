include: [lib/part]
a: 1
