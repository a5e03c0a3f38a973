k: dev-tools
tools: 1
