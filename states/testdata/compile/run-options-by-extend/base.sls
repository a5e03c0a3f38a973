one:
  cmd.run:
    - name: echo one
    - retry: {attempts: 1, interval: 3}
    - onlyif: test -e /a
two:
  pkg.installed:
    - aggregate: [pkg]
    - pkgs: [a, b]
