sync:
  salt.function:
    - name: saltutil.sync_all
    - tgt: '*'
install:
  salt.state:
    - tgt: '*'
    - sls:
      - installer
    - require:
      - salt: sync
wait:
  salt.wait_for_event:
    - name: salt/minion/*/start
    - id_list:
      - '00:00:00:11:11:11'
      - '00:00:00:22:22:22'
    - timeout: 600
    - require:
      - salt: install
control-plane:
  salt.state:
    - tgt: '00:00:00:11:11:11'
    - sls: kubeadm
    - require:
      - salt: wait
report:
  salt.runner:
    - name: event.send
    - onfail:
      - salt: install
      - salt: control-plane
