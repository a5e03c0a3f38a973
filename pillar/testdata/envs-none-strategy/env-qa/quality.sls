k: qa
qa: 1
