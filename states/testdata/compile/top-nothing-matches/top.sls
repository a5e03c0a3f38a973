base:
  'db*':
    - common
