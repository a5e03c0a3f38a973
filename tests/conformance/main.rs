//! Conformance: real, unmodified minions of three releases judge the master.
