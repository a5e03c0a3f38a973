//! Every size, depth and count that one message from the network may have, each with the sum that
//! gave it. What connections and requests may be together is in the master's `limits.rs`.
//!
//! The protocol itself names no maximum; these are ours, and they are checked before memory is
//! taken.

/// Largest request. The largest honest ones are job returns of tens of MB; a file pushed by a
/// minion comes in chunks.
pub const REQUEST_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Largest command frame, and largest message to a publisher. A subscription is 41 bytes, READY
/// with a minion's identity under 400.
pub const COMMAND_BYTES_MAX: usize = 4096;

/// Most frames of one message. A request has two; correlating clients put one more in front.
pub const PARTS_MAX: usize = 8;

/// Longest context of a PING that is echoed, as ZMTP says.
pub const PING_CONTEXT_BYTES_MAX: usize = 16;

/// Most prefixes of one subscriber. A filtering minion has two.
pub const SUBSCRIPTIONS_MAX: usize = 64;

/// Deepest nesting of msgpack. Python's own decoder stops at 511; state returns stay under 20.
pub const DEPTH_MAX: usize = 128;

/// Most values in one payload. At about 100 bytes each they take 200 MB, as much as the payload
/// may.
pub const NODES_MAX: usize = 2_000_000;

/// Longest part of a malformed id that is repeated to its sender.
pub const ECHO_CHARS_MAX: usize = 64;

/// Longest name of an unknown command that is kept for the log.
pub const CMD_CHARS_MAX: usize = 64;

/// Longest PEM text of a key. 8192 bits need 1.5 KB.
pub const PEM_BYTES_MAX: usize = 16 * 1024;

/// Smallest and largest RSA modulus. Below 1024 bits a key string does not fit; beyond 8192 one
/// signature check costs tens of milliseconds of anybody's choosing.
pub const KEY_BITS: std::ops::RangeInclusive<u32> = 1024..=8192;
