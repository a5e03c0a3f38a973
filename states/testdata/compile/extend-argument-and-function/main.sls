include:
  - base
extend:
  nginx:
    pkg.latest:
      - version: 2
      - fromrepo: mine
    service:
      - enable: false
