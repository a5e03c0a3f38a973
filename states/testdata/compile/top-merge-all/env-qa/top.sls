qa:
  '*':
    - quality
