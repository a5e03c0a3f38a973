base:
  '*':
    - installer
