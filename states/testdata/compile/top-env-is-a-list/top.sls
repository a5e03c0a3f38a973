base:
  - common
