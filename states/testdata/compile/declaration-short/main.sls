vim:
  pkg.installed
git:
  pkg.installed: []
