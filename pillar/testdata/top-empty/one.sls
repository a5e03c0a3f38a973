a:
  x: 1
  list: [1, 2]
  deep: {k: v}
only-one: 1
both: one
