network:
  interfaces:
    eth0:
      address: 10.0.{{ grains['number'] // 250 }}.{{ grains['number'] % 250 + 1 }}/16
      gateway: 10.0.0.1
      startmode: hotplug
