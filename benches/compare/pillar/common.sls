# What every machine has.
config:
  events: no
  locale: en_US.UTF-8
  keymap: us
  timezone: UTC
  hostname: {{ grains['id'] }}
suse_config: &defaults
  DISPLAYMANAGER: ''
  CHECK_DUPLICATE_IP: yes
network:
  defaults:
    <<: *defaults
    startmode: auto
ntp:
  servers: [0.example.test, 1.example.test, 2.example.test]
