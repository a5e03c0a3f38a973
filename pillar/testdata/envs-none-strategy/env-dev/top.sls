dev:
  '*':
    - dev
qa:
  '*':
    - quality
