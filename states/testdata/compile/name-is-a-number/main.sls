x:
  test.nop:
    - name: 5
