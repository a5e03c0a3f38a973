include:
  - .other
  - a.b
extend:
  one:
    pkg:
      - require:
        - file: two
exclude:
  - sls: a.c
  - id: three
one:
  pkg.installed:
    - names: [a, b: [version: 1]]
    - require_in: [service: x]
two:
  file:
    - managed
    - source: salt://x
    - watch: [pkg: one, sls: a.b]
    - order: last
--- other
x:
  service.running:
    - prereq: [cmd: y]
    - listen_in: [{cmd: y}]
--- a.b
y:
  cmd.run:
    - onfail_any: [pkg: "*"]
    - use: [file: two]
    - order: 3
====
x:
  test.nop:
    - require: [test: y]
y:
  test.nop:
    - require: [test: x]
    - onchanges_in: [x]
====
a:
  salt.state: &s
    - tgt: '*'
    - sls: [n]
    - require: &r
      - salt: b
b:
  salt.function: *s
c:
  test.nop:
    - require: *r
    - watch_in: [salt: a]
====
#!yaml
x: [test.nop, {names: [1, two, {three: [order: first]}]}]
