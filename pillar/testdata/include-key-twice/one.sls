include:
  - lib:
      key: first
  - lib:
      key: second
