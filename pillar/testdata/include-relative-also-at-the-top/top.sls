base:
  '*':
    - app.main
