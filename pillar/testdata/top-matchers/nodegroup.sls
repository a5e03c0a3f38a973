nodegroup: 1
