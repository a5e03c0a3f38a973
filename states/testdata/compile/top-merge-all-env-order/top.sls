base:
  '*':
    - common
dev:
  'web*':
    - from-base
