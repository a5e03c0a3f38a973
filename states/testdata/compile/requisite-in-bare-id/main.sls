a:
  test.nop:
    - require_in:
      - b
      - /etc/c
b:
  test.nop: []
  pkg.installed: []
c:
  file.managed:
    - name: /etc/c
