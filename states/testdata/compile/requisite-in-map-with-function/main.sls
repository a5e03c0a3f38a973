a:
  test.nop:
    - require_in:
        pkg.installed: b
b:
  pkg.installed: []
