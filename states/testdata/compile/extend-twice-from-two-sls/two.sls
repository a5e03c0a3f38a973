include: [base]
extend:
  x:
    test:
      - k: 2
      - onchanges:
        - test: z
y:
  test.nop: []
z:
  test.nop: []
