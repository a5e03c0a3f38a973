include:
  - base
extend:
  pkgs:
    pkg:
      - name: only
