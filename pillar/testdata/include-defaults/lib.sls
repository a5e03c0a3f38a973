port: {{ port }}
name: {{ name }}
