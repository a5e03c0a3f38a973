base:
  '*':
    - one
nowhere:
  '*':
    - two
