//! The durable log and its tables.
