a:
  test.nop: []
b:
  test.nop:
    - onchanges:
      - test: a
      - a
      - sls: main
      - test: name of c
c:
  test.succeed_with_changes:
    - name: name of c
