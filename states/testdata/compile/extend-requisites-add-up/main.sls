include:
  - base
extend:
  nginx:
    pkg:
      - require:
        - test: main-id
      - watch:
        - test: main-id
main-id:
  test.nop: []
