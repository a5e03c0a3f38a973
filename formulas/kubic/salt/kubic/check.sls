{%- set kubic = salt['pillar.get']('kubic', {}) %}
nodes:
  kubeadm.nodes_known:
    - count: {{ kubic.get('nodes_expected', 1) }}
