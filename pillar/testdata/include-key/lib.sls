include: [sub]
lib: 1
