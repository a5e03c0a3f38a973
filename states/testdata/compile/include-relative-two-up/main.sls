include: [deep.er.one]
