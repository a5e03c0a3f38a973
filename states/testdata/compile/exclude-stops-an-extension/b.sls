include:
  - a
extend:
  a1:
    test:
      - k: 2
