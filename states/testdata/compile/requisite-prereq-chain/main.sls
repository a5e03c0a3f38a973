stop:
  service.dead:
    - prereq:
      - file: deploy
deploy:
  file.recurse:
    - prereq:
      - cmd: check
check:
  cmd.run: []
