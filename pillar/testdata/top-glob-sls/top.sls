base:
  '*':
    - app.*
    - one
    - one
