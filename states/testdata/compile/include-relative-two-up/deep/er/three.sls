three: {test.nop: []}
