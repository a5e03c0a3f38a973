first:
  salt.state:
    - tgt: 'web*'
    - sls:
      - nginx
second:
  salt:
    - function
    - tgt: '*'
    - name: test.ping
