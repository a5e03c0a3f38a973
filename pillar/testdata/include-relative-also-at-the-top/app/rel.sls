rel: 1
k: rel
