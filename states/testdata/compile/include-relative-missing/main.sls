include: [.nowhere, .a.b]
a: {test.nop: []}
