base:
  '*':
    - common
dev:
  'web*':
    - tools
