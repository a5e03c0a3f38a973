{#- The orchestration (whose id ends in _master) gets the whole table, a node its own row. #}
{%- import_yaml 'kubic/nodes.yml' as nodes %}
{%- set id = grains.get('id', '') %}

{%- for key in nodes %}
{%- if key is not string %}
{{ raise('kubic/nodes.yml: the key ' ~ key ~ ' is a number; quote the MAC address') }}
{%- endif %}
{%- endfor %}

kubic:
{%- if id.endswith('_master') %}
  nodes: {{ nodes | json }}
{%- else %}
{%- set names = [id | lower, grains.get('uuid', '') | lower] %}
{%- for mac in grains.get('hwaddr_interfaces', {}).values() %}
{%- do names.append(mac | lower) %}
{%- endfor %}
{%- for key, node in nodes.items() if node.get('id', key) | lower in names or key | lower in names %}
{%- if loop.first %}
  role: {{ node.role | yaml_dquote }}
{%- if node.get('hostname') %}
  hostname: {{ node.hostname | yaml_dquote }}
{%- endif %}
{%- if node.get('address') %}
  address: {{ node.address | yaml_dquote }}
{%- endif %}
{%- endif %}
{%- endfor %}
{%- for key, node in nodes.items() if node.role == 'control_plane' %}
  control_plane: {{ node.get('id', key) | yaml_dquote }}
{%- endfor %}
{%- endif %}
