a: {test.nop: [order: last]}
b: {test.nop: [order: first]}
c: {test.nop: [order: -1]}
d: {test.nop: [order: 2]}
e: {test.nop: [order: '3']}
f: {test.nop: [order: 2.5]}
g: {test.nop: []}
h: {test.nop: [order: nonsense]}
