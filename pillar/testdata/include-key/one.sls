include:
  - lib:
      key: deep:path
  - plain
a: 1
