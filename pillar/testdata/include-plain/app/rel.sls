a: {y: rel}
rel: 1
