//! What the network may cost: connections, requests, bytes and seconds, each with the sum that gave
//! it.
//!
//! What one message may be is in [`minion_protocol::limits`]. docs/limits.md shows both lists to
//! operators, with what happens at each limit; a test keeps the three together.

use std::time::Duration;

use minion_protocol::limits::REQUEST_BYTES_MAX;

/// Connections of one port in all. Each may be a whole minion; the descriptor limit must be above
/// it.
pub const CONNECTIONS_MAX: usize = 50_000;

/// Connections of one port from one IPv4 address or IPv6 /64. A site may sit behind one address.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 10_000;

/// Connections that the kernel completes before we accept them: Salt's `zmq_backlog`.
pub const BACKLOG: i32 = 1000;

/// How long a handshake may take. A minion on a bad line needs three round trips.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a peer may pause in the middle of a message, its own or ours.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// A silent peer is asked by the kernel after this long, again at each interval, and given up after
/// the retries: under two minutes for a machine that lost its power.
pub const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// See [`KEEPALIVE_IDLE`].
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// See [`KEEPALIVE_IDLE`].
pub const KEEPALIVE_RETRIES: u32 = 3;

/// Bytes of all large requests that are arriving or being answered: four of the largest at once, or
/// hundreds of the usual.
pub const LARGE_REQUESTS_BYTES_MAX: usize = 4 * REQUEST_BYTES_MAX;

/// Requests up to this size are not counted against [`LARGE_REQUESTS_BYTES_MAX`]: a few that are
/// large must not shut out the many that are small.
pub const SMALL_REQUEST_BYTES: usize = 64 * 1024;

/// Requests of one connection that are not yet answered. A minion has one.
pub const OUTSTANDING_PER_CONNECTION_MAX: usize = 8;

/// Requests of one address that are not yet answered: a quarter of all, so that nobody alone keeps
/// others waiting.
pub const OUTSTANDING_PER_ADDRESS_MAX: usize = 2048;

/// Requests of all connections that are not yet answered.
pub const OUTSTANDING_MAX: usize = 8192;

/// Requests that wait to be taken from the sockets. More wait unread in the kernel.
pub const INCOMING_MAX: usize = 1024;

/// Sealed requests that are worked on at once; more wait, each with the message it holds.
pub const REQUESTS_AT_WORK_MAX: usize = 256;

/// Requests in the clear that are worked on at once, in a queue of their own: whatever the accepted
/// ask for, a sign-in has its turn.
pub const CLEAR_AT_WORK_MAX: usize = 64;

/// Sign-ins of one address at once: as many as it may have connections. A whole site comes back
/// after a restart of the master.
pub const SIGN_IN_BURST: f64 = 10_000.0;

/// Sign-ins of one address a second from then on: half of one processor's private-key operations.
pub const SIGN_INS_PER_SECOND: f64 = 200.0;

/// Addresses whose sign-ins are counted. Those that rest are forgotten first; if none rests,
/// strangers are counted as one.
pub const SIGN_IN_ADDRESSES_MAX: usize = 16_384;

/// A v3 request that is so much older than another of the same minion is stale. Longer than a
/// minion takes to send a large return while others overtake it.
pub const REQUEST_WINDOW: Duration = Duration::from_secs(300);

/// Nonces of sign-ins and of v2 requests that are remembered: the last so many at least, or those
/// of ten minutes. Two fingerprints of eight bytes each, in two generations a quarter empty: 22 MB
/// at most, and little without v2 minions.
pub const NONCES_MAX: usize = 500_000;

/// Seals of requests that are remembered, of v3 and of older protocols each: the last so many at
/// least. Eight bytes each, in two generations a quarter empty: 6 MB at most. What is forgotten of
/// v3 is refused by its time.
pub const MARKS_MAX: usize = 262_144;

/// Messages waiting for one slow subscriber: Salt's `pub_hwm`.
pub const SUBSCRIBER_MESSAGES_MAX: usize = 1000;

/// Bytes waiting for one slow subscriber. One message may be larger if it waits alone.
pub const SUBSCRIBER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Comings and goings of subscribers kept for a slow part of the master; one that lags reads the
/// whole list instead.
pub const SUBSCRIBER_CHANGES_MAX: usize = 1024;

/// Bytes of PONGs that may wait for a peer that pings without reading.
pub const PONG_BYTES_MAX: usize = 4096;

/// How often a subscriber is asked for a sign of life: Salt's `zmq_heartbeat_ivl`.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(10);

/// How long it may give none: Salt's `zmq_heartbeat_timeout`.
pub const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(30);

/// Between two lines of the log about one kind of refusal and one address.
pub const REFUSAL_LINE_INTERVAL: Duration = Duration::from_secs(60);

/// Kinds and addresses of which it is known when they were told. More are counted, not told.
pub const REFUSALS_TOLD_MAX: usize = 1024;
