base:
  'web*':
    - two
  '*':
    - three
