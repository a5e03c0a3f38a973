{#- Installs a minimal system on the node's disk and reboots into it. Pillar: microos:seconds, … #}
{%- set node = salt['microos.node']() %}
{%- set options = salt['pillar.get']('microos', {}) %}
{%- set on_device = node.disk_kind == 'block' %}
{%- set mounted_at = options.get('mount_at', '/mnt') if on_device else node.disk %}

live:
  microos.live: []

{%- if on_device %}

label:
  microos.labeled:
    - name: {{ node.disk | yaml_dquote }}
    - require:
      - microos: live

format:
  microos.formatted:
    - name: {{ node.partition | yaml_dquote }}
    - require:
      - microos: label

mount:
  microos.mounted:
    - name: {{ mounted_at | yaml_dquote }}
    - device: {{ node.partition | yaml_dquote }}
    - require:
      - microos: format
{%- endif %}

fill:
  microos.filled:
    - name: {{ mounted_at | yaml_dquote }}
    - seconds: {{ options.get('seconds', 0) }}
    - require:
      - microos: {{ 'mount' if on_device else 'live' }}

minion:
  microos.minion_copied:
    - name: {{ mounted_at | yaml_dquote }}
    - require:
      - microos: fill

seal:
  microos.sealed:
    - name: {{ mounted_at | yaml_dquote }}
    - release: {{ options.get('release', 'MicroOS stand-in 1') | yaml_dquote }}
    - require:
      - microos: minion

{%- if on_device %}

unmount:
  microos.unmounted:
    - name: {{ mounted_at | yaml_dquote }}
    - require:
      - microos: seal
{%- endif %}

reboot:
  microos.rebooted:
    - delay: {{ options.get('reboot_delay', 3) }}
    - require:
      - microos: {{ 'unmount' if on_device else 'seal' }}
