base:
  '*':
    - gone
    - one
