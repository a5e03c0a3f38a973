include:
  - more
base:
  '*':
    - one
