events: no
reboot: yes
mode: 0644
mac: 12:34:56:10:20:30
size: 1e3
nothing: ~
date: 2026-11-21
merged:
  <<: &base {a: 1, b: 2}
  b: 3
key: "ssh-rsa AAAA\
  BBBB"
/etc/motd: text
1: one
