a:
  test.nop:
    - watch_in:
      - file: /etc/c
c:
  file.managed:
    - name: /etc/c
