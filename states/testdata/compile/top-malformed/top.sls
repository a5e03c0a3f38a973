base:
  '*': common
  'web*':
    - ''
