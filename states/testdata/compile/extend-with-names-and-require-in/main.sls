include: [other]
extend:
  many:
    test:
      - names: [four]
      - require_in: [test: end]
end: {test.nop: []}
