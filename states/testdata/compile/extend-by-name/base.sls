conf:
  file.managed:
    - name: /etc/nginx.conf
    - mode: 644
