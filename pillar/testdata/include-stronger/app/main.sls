include:
  - lib
  - .rel
a:
  x: own
  z: own
