base:
  '*':
    - ignore_missing: true
    - one
    - not.there
  'web*':
    - missing
