a:
  pkg.installed:
    - pkgs: [a1, a2]
    - aggregate: True
b:
  pkg.installed:
    - name: b1
    - require: [pkg: a]
c:
  pkg.installed:
    - names: [c1, c2]
    - aggregate: pkg
    - order: 1
