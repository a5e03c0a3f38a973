grain: 1
