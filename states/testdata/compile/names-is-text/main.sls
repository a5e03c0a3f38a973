x:
  test.nop:
    - names: vim
