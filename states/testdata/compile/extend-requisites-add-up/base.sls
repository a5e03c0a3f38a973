nginx:
  pkg.installed:
    - require:
      - test: before
before:
  test.nop: []
