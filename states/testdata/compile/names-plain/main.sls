tools:
  pkg.installed:
    - names:
      - vim
      - git
      - vim
    - version: 1
