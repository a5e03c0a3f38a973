a:
  salt.function:
    - name: file.write
    - tgt: 'G@os:SUSE and not web*'
    - tgt_type: compound
    - arg:
      - /etc/motd
    - kwarg:
        args:
          - hello
    - retry:
        attempts: 3
        interval: 5
    - onlyif: test -e /x
    - unless:
      - fun: test.true
    - failhard: true
    - parallel: yes
    - timeout: 010
    - when: 12:30
    - nothing:
    - order: 3
    - two: 1
      three: 2
    - state: other
