{#- The run inside `orch.errands`. #}
{%- set nodes = pillar['kubic']['nodes'] | list %}

inside:
  salt.function:
    - name: errand.once
    - arg: [inside]
    - tgt: {{ nodes | json }}
    - tgt_type: list

inside_after:
  salt.function:
    - name: errand.work
    - tgt: {{ nodes[0] }}
    - require:
      - salt: inside
