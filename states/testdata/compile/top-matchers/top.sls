base:
  'os:SUSE':
    - match: grain
    - grain
  'os:Deb*':
    - match: grain
    - never
  'roles:app':
    - match: grain
    - grain-list
  'nested:k:v*':
    - match: grain
    - grain-nested
  'os:^S.*E$':
    - match: grain_pcre
    - grain-pcre
  'web0[0-9]':
    - match: pcre
    - pcre
  'web01,db01':
    - match: list
    - list
  'tier:front':
    - match: pillar
    - pillar
  'deep:x:y':
    - match: pillar_exact
    - pillar-exact
  'deep:x:(y|z)':
    - match: pillar_pcre
    - pillar-pcre
  '10.1.0.0/16':
    - match: ipcidr
    - ipcidr
  'fleet':
    - match: nodegroup
    - nodegroup
  'nest':
    - match: nodegroup
    - nodegroup-nested
  'none':
    - match: nodegroup
    - never
  'G@os:SUSE and not E@db.*':
    - match: compound
    - compound
  'N@fleet and web01':
    - compound-nodegroup
  'I@tier:front or S@192.168.0.0/24':
    - compound-plain
  'not web*':
    - never
  'web*':
    - match: glob
    - glob
