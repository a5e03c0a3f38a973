include: [.er.three]
two: {test.nop: []}
