init: 1
