k: dev
dev: 1
