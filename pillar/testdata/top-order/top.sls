base:
  '*':
    - order: 5
    - one
  'web*':
    - order: 1
    - two
  'w*':
    - order: '3'
    - three
