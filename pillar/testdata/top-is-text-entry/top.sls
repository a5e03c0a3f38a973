base:
  '*': ab
