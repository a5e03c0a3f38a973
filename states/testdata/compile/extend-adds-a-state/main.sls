include:
  - base
extend:
  nginx:
    service.running:
      - enable: true
