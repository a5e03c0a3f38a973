kubernetes:
  role: worker
  labels:
    {% for key in ['zone', 'rack', 'row'] %}
    {{ key }}: "{{ key }}-{{ grains['number'] % (loop.index * 3) }}"
    {% endfor %}
