inherited: {{ port }}
