x:
  file.managed:
    - user: root
  file:
    - comment
    - regex: a
