base:
  '*':
    - common
    - dev: tools
