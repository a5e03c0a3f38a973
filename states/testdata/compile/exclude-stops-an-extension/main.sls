include:
  - a
  - b
exclude:
  - b
