stop:
  service.dead:
    - prereq:
      - file: /srv/app
deploy:
  file.recurse:
    - name: /srv/app
