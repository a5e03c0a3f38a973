many:
  pkg.installed:
    - names:
      - vim:
        - retry: {attempts: 2}
        - failhard: True
      - nano:
        - parallel: True
        - onlyif: test -e /x
      - emacs
    - failhard: False
    - unless: test -e /y
    - aggregate: True
