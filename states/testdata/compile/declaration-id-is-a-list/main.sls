vim:
  - pkg.installed
