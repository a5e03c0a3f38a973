nginx:
  pkg.installed: []
  service.running:
    - enable: true
    - require:
      - pkg: nginx
  file:
    - managed
    - name: /etc/nginx.conf
