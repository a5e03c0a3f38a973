base:
  'web*':
    - common2
