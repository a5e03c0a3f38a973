a:
  pkg.installed: []
b:
  pkg.installed:
    - pkgs: [x, y]
