a:
  y: 2
  list: [2, 3]
  deep: {l: w}
only-two: 2
both: two
