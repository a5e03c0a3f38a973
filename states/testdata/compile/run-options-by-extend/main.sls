include:
  - .base
extend:
  one:
    cmd:
      - retry: {attempts: 5}
      - failhard: True
      - onlyif: test -e /b
      - parallel: True
  two:
    pkg:
      - aggregate: False
