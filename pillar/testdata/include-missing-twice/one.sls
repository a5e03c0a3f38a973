include: [gone, gone, lib, lib]
a: 1
