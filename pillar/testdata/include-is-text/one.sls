include: lib
a: 1
