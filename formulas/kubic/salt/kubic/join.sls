{#- The state reads the mine by itself: a token in this text would stay in the minion's cache. #}
{%- set kubic = salt['pillar.get']('kubic', {}) %}
join:
  kubeadm.joined:
    - control_plane: {{ kubic.control_plane | yaml_dquote }}
{%- if kubic.get('hostname') %}
    - node_name: {{ kubic.hostname | yaml_dquote }}
{%- endif %}
