a:
  test.nop:
    - require_any_in: [test: z]
    - watch_any_in: [test: z]
    - onchanges_any_in: [test: z]
    - onfail_any_in: [test: z]
    - onfail_all_in: [test: z]
z: {test.nop: []}
