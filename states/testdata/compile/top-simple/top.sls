base:
  '*':
    - common
  'db*':
    - db
  'web??':
    - web.*
