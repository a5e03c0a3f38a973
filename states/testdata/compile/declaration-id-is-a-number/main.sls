80:
  firewall.open:
    - proto: tcp
