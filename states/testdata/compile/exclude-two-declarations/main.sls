include: [other]
exclude: [id: a]
a: {test.nop: []}
