# A pillar in the style of an unattended installer: a mode, its parts, users and software.
{% from 'map.jinja' import disks, volume %}
{% set mode = 'lvm' if grains['memory'] > 4096 else 'single' %}
{% set efi = grains['efi'] %}
{% set swap = True %}
{% set memory = grains['memory'] %}
{% set arch = grains['cpuarch'] %}
{% set disk = disks[arch] %}

{% include '_partitions.sls' %}

{% if mode == 'lvm' %}
lvm:
  system:
    devices:
      - {{ disk }}{{ 1 + (efi|int) + (swap|int) }}
    volumes:
{{ volume('swap', '2GB', 'none') }}
{{ volume('root', '80%', '/') }}
{{ volume('home', 'rest', '/home') }}
{% endif %}

filesystems:
{% for name, where in [('root', '/'), ('var', '/var'), ('home', '/home'), ('srv', '/srv')] %}
  {{ disk }}{{ loop.index + 1 }}:
    filesystem: {{ 'btrfs' if loop.first else 'xfs' }}
    mountpoint: {{ where }}
  {% if loop.first %}
    subvolumes:
      prefix: '@'
      subvolume:
        {% for path in ['home', 'opt', 'root', 'srv', 'tmp', 'usr/local', 'var'] %}
        - path: {{ path }}
          {% if path == 'var' %}
          copy_on_write: no
          {% endif %}
        {% endfor %}
  {% endif %}
{% endfor %}

bootloader:
  device: {{ disk }}
  timeout: 5
  kernel: 'splash=silent {{ 'quiet' if not grains.get('debug') }}'
  {% if efi and arch == 'aarch64' %}
  grub: arm64-efi
  {% else %}
  grub: {{ '%s-efi' % arch if efi else 'bios' }}
  {% endif %}

software:
  config:
    minimal: {{ grains['role'] == 'worker' }}
    verify: no
  repositories:
    repo-oss:
      url: "https://example.test/{{ arch }}/oss"
      name: openSUSE-Tumbleweed
    updates: "https://example.test/{{ arch }}/updates"
  packages:
    - patterns-base-base
    - kernel-default
    {% if grains['role'] == 'worker' %}
    - patterns-containers
    {% endif %}

users:
  - username: root
    password: "$1$wYJUgpM5$RXMMeASDc035eX.NbYWFl0"
    certificates:
      - "AAAAB3NzaC1yc2EAAAADAQABAAABAQ{{ '%04d' % grains['number'] }}"
  - username: operator
    uid: {{ 1000 + grains['number'] % 100 }}

services:
  enabled: [sshd.service, salt-minion.service]
