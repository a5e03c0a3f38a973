/etc/a:
  file.managed:
    - user: root
  file.comment:
    - regex: ^x
