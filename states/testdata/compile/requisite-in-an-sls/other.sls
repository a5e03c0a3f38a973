o1:
  test.nop: []
  pkg.installed: []
o2:
  cmd.run: []
