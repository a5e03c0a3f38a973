base:
  'role:*':
    - match: grain
    - common
    - installer
  'role:worker':
    - match: grain
    - worker
  'node0*':
    - rack
