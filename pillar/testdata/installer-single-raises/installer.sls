# A pillar in the style of an unattended installer: modes are chosen above, parts are included below.
{% set mode = 'single' %}
{% set efi = True %}
{% set disk = '/dev/sda' %}
{% set swap = True %}
{% set arch = grains['cpuarch'] %}

config:
  events: no
  reboot: yes
  locale: en_US.UTF-8

{% include "_parts.sls.%s" % mode %}

bootloader:
  device: {{ disk }}
  {% if efi and arch == 'aarch64' %}
  grub: arm64-efi
  {% elif not efi and mode in ('single', 'lvm') %}
  grub: bios
  {% else %}
  grub: {{ 'x86_64-efi' if efi else 'none' }}
  {% endif %}

software:
  repositories:
    main: "https://example.test/{{ arch }}/repo"
users:
  - username: root
    certificates:
      - "AAAAB3Nza\
         C1yc2E"
