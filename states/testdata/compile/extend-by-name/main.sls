include:
  - base
extend:
  /etc/nginx.conf:
    file:
      - mode: 600
