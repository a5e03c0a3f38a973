//! ZMTP 3 with the NULL mechanism, from the listening side: greeting, frames, and what the two
//! kinds of listening socket make of them.
//!
//! Nothing here holds a socket. Bytes are pushed into a buffer, events come out; lengths claimed by
//! a peer are compared with the limits before memory is taken for them.

mod frame;
mod greeting;
mod publisher;
mod router;

pub use frame::{Frame, FrameDecoder, FrameLimits, encode_frame};
pub use greeting::{GREETING, Handshake, Peer, Role, opening};
pub use publisher::{Subscriber, SubscriberEvent, encode_ping, publication_head};
pub use router::{Requester, RequesterEvent, ReturnPath};

/// What is wrong with the bytes of a peer. Its connection is closed; nothing else happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The first bytes are no ZMTP greeting.
    #[error("the peer does not speak ZMTP 3")]
    NotZmtp,
    /// The greeting names another mechanism than NULL.
    #[error("the peer wants a security mechanism other than NULL")]
    Mechanism,
    /// The first command is not READY, or its properties are cut short.
    #[error("the READY command is malformed")]
    Ready,
    /// The peer's socket cannot be a partner of ours.
    #[error("the peer's socket type does not fit")]
    SocketType,
    /// Reserved bits are set in the flags of a frame.
    #[error("frame flags {0:#04x} are unknown")]
    Flags(u8),
    /// A frame or message claims to be larger than its limit.
    #[error("a message of {claimed} bytes is over the limit of {limit}")]
    TooLarge {
        /// The bytes claimed.
        claimed: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// A message has more frames than any honest one.
    #[error("a message has too many frames")]
    TooManyParts,
    /// A subscriber wants more prefixes than any honest one.
    #[error("too many subscriptions")]
    TooManySubscriptions,
}
