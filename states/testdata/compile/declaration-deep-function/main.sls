a.b.c: x.y.z
d:
  x.y.z:
    - k: v
