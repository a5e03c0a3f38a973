base:
  '*':
    - common
    - subfilter:
        'web*':
          - web
