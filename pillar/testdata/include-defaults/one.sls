include:
  - lib:
      defaults:
        port: 80
        name: web
      key: services:web
  - plain
