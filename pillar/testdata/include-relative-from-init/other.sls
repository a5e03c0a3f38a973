other: 1
