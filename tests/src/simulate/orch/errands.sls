{#-
  What orch.kubic does not have: an approval, parallel steps, a nested run, a retry, a job that rolls,
  blocks, a machine that is told to restart, and a wait that nothing ends.
#}
{%- set nodes = pillar['kubic']['nodes'] | list %}
{%- set first = nodes[0] %}
{%- set others = nodes[1:] %}
{%- set fails = pillar['kubic'].get('fails', False) %}

agree:
  salt.approve:
    - text: the errands begin

{%- for name in ['here', 'there'] %}

survey_{{ name }}:
  salt.function:
    - name: errand.work
    - tgt: {{ nodes | json }}
    - tgt_type: list
    - parallel: True
    - require:
      - salt: agree
{%- endfor %}

inner:
  salt.runner:
    - name: state.orchestrate
    - mods: orch.errands_inner
    - require:
      - salt: survey_here
      - salt: survey_there

# Fails the first times on every machine.
flaky:
  salt.function:
    - name: errand.flaky
    - tgt: {{ first }}
    - retry: {attempts: 8, interval: 20}
    - require:
      - salt: inner

rolling:
  salt.function:
    - name: errand.once
    - arg: [rolling]
    - tgt: {{ nodes | json }}
    - tgt_type: list
    - max_parallel: 1
    - compensate:
        salt.function:
          - name: errand.undo
          - arg: [rolling]
    - finally:
        salt.function:
          - name: errand.tidy
    - require:
      - salt: flaky

token:
  salt.secret:
    - name: join_params
    - function: kubeadm.join_params
    - tgt: {{ first }}
    - readers: {{ others | json }}
    - plain: [api-server-endpoint, discovery-token-ca-cert-hash]
    - revoke:
        function: kubeadm.token_revoke
        arg: [errands]
        retry: {attempts: 5, interval: 10}
    - retry: {attempts: 3, interval: 5}
    - require:
      - salt: rolling

read:
  salt.function:
    - name: errand.read
    - tgt: {{ others | json }}
    - tgt_type: list
    - require:
      - salt: token

restart:
  salt.reboot:
    - tgt: {{ others | json }}
    - tgt_type: list
    - require:
      - salt: read
{%- if fails %}

# Nobody fires this: it ends by its timeout, and the run fails.
never:
  salt.wait_for_event:
    - name: errand/never
    - id_list: [nobody]
    - timeout: 45
    - require:
      - salt: restart

instead:
  salt.function:
    - name: errand.once
    - arg: [instead]
    - tgt: {{ first }}
    - onfail:
      - salt: never
{%- endif %}

last:
  salt.function:
    - name: errand.once
    - arg: [last]
    - tgt: {{ nodes | json }}
    - tgt_type: list
    - require:
      - salt: restart
