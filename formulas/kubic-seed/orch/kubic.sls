# Seven steps with the ids written out. Whoever uses it puts the two ids in place of
# @CONTROL_PLANE@ and @WORKER@; there is no Jinja here on purpose.

synchronize_modules:
  salt.function:
    - name: saltutil.sync_all
    - tgt: '*'

install:
  salt.state:
    - tgt: '*'
    - sls:
      - microos

reboots:
  salt.wait_for_event:
    - name: salt/minion/*/start
    - id_list:
      - '@CONTROL_PLANE@'
      - '@WORKER@'
    - require:
      - salt: install

control_plane:
  salt.state:
    - tgt: '@CONTROL_PLANE@'
    - sls:
      - kubic.control_plane

offer_join:
  salt.function:
    - name: mine.send
    - tgt: '@CONTROL_PLANE@'
    - arg:
      - join_params
    - kwarg:
        mine_function: kubeadm.join_params
        create_if_needed: yes

join:
  salt.state:
    - tgt: '@WORKER@'
    - sls:
      - kubic.join

withdraw_join:
  salt.function:
    - name: mine.delete
    - tgt: '*'
    - arg:
      - join_params
