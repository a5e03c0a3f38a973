include: [other]
a:
  file.managed:
    - source: salt://a
    - listen_in:
      - service: web
      - cmd: late
    - listen: [pkg: web]
