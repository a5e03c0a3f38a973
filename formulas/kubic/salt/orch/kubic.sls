{#-
  A cluster from bare nodes: install, reboot, control plane, join.

  The node table comes from the pillar (kubic:nodes); no id is written here. Each step requires the
  one before it, so a failure ends the work; only the last two steps, which take the join
  parameters back, always run.
#}
{%- set kubic = pillar.get('kubic', {}) %}
{%- set nodes = kubic.get('nodes', {}) %}
{#- What only Brine has (locks, guards, secrets) is left out elsewhere. #}
{%- set is_brine = 'brine' in grains %}
{%- set control_planes = [] %}
{%- set workers = [] %}
{%- for key, node in nodes.items() %}
{%- if node.role == 'control_plane' %}
{%- do control_planes.append(node.get('id', key)) %}
{%- elif node.role == 'worker' %}
{%- do workers.append(node.get('id', key)) %}
{%- else %}
{{ raise('kubic:nodes: ' ~ key ~ ' has the role ' ~ node.role ~ '; known are control_plane and worker') }}
{%- endif %}
{%- endfor %}
{%- if control_planes | length != 1 %}
{{ raise('kubic:nodes: one node must be the control_plane, the table has ' ~ control_planes | length ~ '; see kubic/nodes.yml in the pillar') }}
{%- endif %}

synchronize:
  salt.function:
    - name: saltutil.sync_all
    - tgt: {{ (control_planes + workers) | json }}
    - tgt_type: list
{%- if is_brine %}
    # One run per cluster: a second one is refused and told who holds it.
    - lock: {{ kubic.get('cluster', 'kubic') | yaml_dquote }}
{%- endif %}

{%- if kubic.get('install', True) %}
{%- if is_brine %}

# Names each disk and what is on it, and stops if a node carries a cluster (--yes-wipe=HASH).
guard:
  salt.wipe_guard:
    - function: microos.disk_facts
    - tgt: {{ (control_planes + workers) | json }}
    - tgt_type: list
    - require:
      - salt: synchronize
{%- endif %}

install:
  salt.state:
    - tgt: {{ (control_planes + workers) | json }}
    - tgt_type: list
    - sls:
      - microos
{%- if is_brine %}
    # Each machine must come back in another boot; a service that starts again is none.
    - reboot_expected: True
    - reboot_timeout: {{ kubic.get('reboot_timeout', 1200) }}
    - boot_proof: {{ kubic.get('boot_proof', 'boot') }}
{%- endif %}
    - require:
      - salt: {{ 'guard' if is_brine else 'synchronize' }}

wait_for_reboots:
  salt.wait_for_event:
    - name: salt/minion/*/start
    - id_list: {{ (control_planes + workers) | json }}
    - timeout: {{ kubic.get('reboot_timeout', 1200) }}
    - require:
      - salt: install

# The installed systems have nothing yet of what was synchronized to the live ones.
synchronize_installed:
  salt.function:
    - name: saltutil.sync_all
    - tgt: {{ (control_planes + workers) | json }}
    - tgt_type: list
    - require:
      - salt: wait_for_reboots
{%- endif %}

control_plane:
  salt.state:
    - tgt: {{ control_planes | json }}
    - tgt_type: list
    - sls:
      - kubic.control_plane
    - require:
      - salt: {{ 'synchronize_installed' if kubic.get('install', True) else 'synchronize' }}

{%- if workers %}

# Only the joining nodes may read it; the token in it is new and soon over.
{%- if is_brine %}
publish_join:
  salt.secret:
    - name: join_params
    - function: kubeadm.join_params
    - tgt: {{ control_planes | json }}
    - tgt_type: list
    - kwarg:
        create_if_needed: yes
        ttl: {{ kubic.get('token_ttl', '30m') }}
        description: kubic join
    - readers: {{ workers | json }}
    - plain: [api-server-endpoint, discovery-token-ca-cert-hash]
    # However the run ends, and tried again: a token that stays is a way into the cluster.
    - revoke:
        function: kubeadm.token_revoke
        arg: [kubic join]
        retry: {attempts: 5, interval: 10}
    - retry: {attempts: 3, interval: 5}
    - require:
      - salt: control_plane
{%- else %}
publish_join:
  salt.function:
    - name: mine.send
    - tgt: {{ control_planes | json }}
    - tgt_type: list
    - arg:
      - join_params
    - kwarg:
        mine_function: kubeadm.join_params
        create_if_needed: yes
        ttl: {{ kubic.get('token_ttl', '30m') }}
        description: kubic join
        allow_tgt: {{ workers | join(',') | yaml_dquote }}
        allow_tgt_type: list
    - require:
      - salt: control_plane
{%- endif %}

join:
  salt.state:
    - tgt: {{ workers | json }}
    - tgt_type: list
    - sls:
      - kubic.join
    - require:
      - salt: publish_join

check:
  salt.state:
    - tgt: {{ control_planes | json }}
    - tgt_type: list
    - sls:
      - kubic.check
    - pillar:
        kubic:
          nodes_expected: {{ nodes | length }}
    - require:
      - salt: join

{%- if not is_brine %}

# Without requisites, and last: they run after a success and after any failure alike.
forget_join:
  salt.function:
    - name: mine.delete
    - tgt: {{ control_planes | json }}
    - tgt_type: list
    - arg:
      - join_params
    - order: last

revoke_join:
  salt.function:
    - name: kubeadm.token_revoke
    - tgt: {{ control_planes | json }}
    - tgt_type: list
    - arg:
      - kubic join
    - order: last
{%- endif %}
{%- endif %}
