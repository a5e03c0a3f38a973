include: [other]
exclude:
  - sls: oth*
  - id: a
  - b
a: {test.nop: []}
keep: {test.nop: [require: [test: c]]}
