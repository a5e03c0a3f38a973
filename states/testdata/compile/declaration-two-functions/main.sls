vim:
  pkg.installed:
    - removed
    - version: 1
