compound-nodegroup: 1
