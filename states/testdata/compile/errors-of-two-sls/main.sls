include:
  - gone
  - list
extend: 5
a: b
