{% set next_id = namespace(value=1) %}
partitions:
  config:
    label: gpt
    initial_gap: 1MB
  devices:
    {{ disk }}:
      partitions:
{% if efi %}
        - number: {{ next_id.value }}
          size: 256MB
          type: efi
{% set next_id.value = next_id.value + 1 %}
{% endif %}
{% if swap %}
        - number: {{ next_id.value }}
          size: {{ memory // 1024 }}GB
          type: swap
{% set next_id.value = next_id.value + 1 %}
{% endif %}
        - number: {{ next_id.value }}
          size: rest
          type: {{ 'lvm' if mode == 'lvm' else 'linux' }}
