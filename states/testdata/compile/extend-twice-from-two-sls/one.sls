include: [base]
extend:
  x:
    test:
      - k: 1
      - onchanges:
        - test: y
