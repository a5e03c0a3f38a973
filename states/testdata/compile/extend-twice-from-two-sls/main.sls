include:
  - base
  - one
  - two
