a: {x: lib, y: lib}
lib: 1
