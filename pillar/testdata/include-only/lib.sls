lib: 1
