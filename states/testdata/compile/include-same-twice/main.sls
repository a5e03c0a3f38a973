include: [other, other, .other]
a:
  test.nop:
    - require: [sls: other]
