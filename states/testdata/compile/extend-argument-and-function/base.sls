nginx:
  pkg.installed:
    - version: 1
    - require:
      - test: before
  service.running:
    - enable: true
before:
  test.nop: []
