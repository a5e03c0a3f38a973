include:
  - .client
  - ..db
  - ...base
server:
  test.nop: []
