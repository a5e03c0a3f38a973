one:
  cmd.run:
    - name: echo one
    - onlyif: test -e /etc/one
    - unless:
      - test -e /etc/two
      - fun: test.ping
        args: [a]
    - retry:
        attempts: 3
        until: True
        interval: 10
        splay: 2
    - failhard: True
    - parallel: yes
    - timeout: 30
    - reload_modules: True
    - creates: [/etc/three, /etc/four]
    - check_cmd:
      - /bin/true
    - umask: 022
    - runas: root
two:
  cmd.run:
    - retry: True
    - failhard: no
    - parallel: false
    - onlyif: []
    - unless: ~
