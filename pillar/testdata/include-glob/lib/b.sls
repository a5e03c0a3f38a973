k: b
