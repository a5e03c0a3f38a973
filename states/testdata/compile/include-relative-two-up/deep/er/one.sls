include: [..two, .three]
one: {test.nop: []}
