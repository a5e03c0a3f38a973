exclude: [id: b]
b: {test.nop: []}
c: {test.nop: []}
