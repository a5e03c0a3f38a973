base:
  '*':
    - ignored
dev:
  '*':
    - from-dev
