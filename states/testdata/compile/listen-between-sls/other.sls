web:
  pkg.installed: []
  service.running:
    - listen:
      - file: /etc/web
      - pkg: web
late:
  cmd.run:
    - listen: [{sls: main}]
/etc/web:
  file.managed: []
