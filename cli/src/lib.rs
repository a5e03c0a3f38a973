//! salt, salt-run, salt-key: clients of the API.
