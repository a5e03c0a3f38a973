a:
  cmd.run:
    - name: stop
    - prereq: [pkg: b]
    - require_in: [pkg: b]
b:
  pkg.installed:
    - require: [test: c]
c:
  test.nop:
    - prereq_in: [cmd: a]
    - order: last
