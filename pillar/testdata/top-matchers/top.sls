base:
  'os:SUSE':
    - match: grain
    - grain
  'roles:app':
    - match: grain
    - grain-list
  'os:^S':
    - match: grain_pcre
    - grain-pcre
  'web0[0-9]':
    - match: pcre
    - pcre
  'web01,db01':
    - match: list
    - list
  'x:y':
    - match: pillar
    - never
  '10.1.0.0/16':
    - match: ipcidr
    - ipcidr
  'fleet':
    - match: nodegroup
    - nodegroup
  'G@os:SUSE and not db*':
    - match: compound
    - compound
  'N@fleet':
    - compound-nodegroup
  'db*':
    - never
