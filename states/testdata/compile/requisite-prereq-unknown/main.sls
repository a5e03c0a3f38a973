stop:
  service.dead:
    - prereq:
      - file: nothing
