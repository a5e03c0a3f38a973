include: [.deep]
rel: 1
