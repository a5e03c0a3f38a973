compound: 1
