//! One connection to port 4505: what a subscriber wants to hear.
//!
//! Subscriptions come as messages (`01` and a prefix) from ZMTP 3.0 peers and as SUBSCRIBE commands
//! from 3.1 peers; both are accepted from both.

use bytes::{Bytes, BytesMut};

use super::frame::{answer_ping, encode_command, encode_last_head};
use super::{Error, Frame, FrameDecoder, FrameLimits, encode_frame};
use crate::limits::{COMMAND_BYTES_MAX, PARTS_MAX, SUBSCRIPTIONS_MAX};

/// What a subscriber did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriberEvent {
    /// Its subscriptions changed.
    Subscriptions,
    /// It gave a sign of life; `output` may hold an answer.
    Alive,
}

/// The decoding side of one subscriber's connection, after the handshake.
#[derive(Debug)]
pub struct Subscriber {
    decoder: FrameDecoder,
    // The same prefix may be asked for twice and then needs two cancellations.
    prefixes: Vec<Bytes>,
}

impl Default for Subscriber {
    fn default() -> Self {
        Self::new()
    }
}

impl Subscriber {
    /// Begins, subscribed to nothing.
    pub fn new() -> Self {
        let limits = FrameLimits {
            message_bytes_max: COMMAND_BYTES_MAX,
            parts_max: PARTS_MAX,
            command_bytes_max: COMMAND_BYTES_MAX,
        };
        Self {
            decoder: FrameDecoder::new(limits),
            prefixes: Vec::new(),
        }
    }

    /// Gives the prefixes asked for.
    pub fn prefixes(&self) -> &[Bytes] {
        &self.prefixes
    }

    /// Gives the next event; `None` until more bytes are there.
    ///
    /// # Errors
    /// Bytes that are not ZMTP or over a limit; the connection is to be closed.
    pub fn next(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Option<SubscriberEvent>, Error> {
        let Some(frame) = self.decoder.next(input)? else {
            return Ok(None);
        };
        let is_change = match frame {
            Frame::Command { name, body } => match &name[..] {
                b"SUBSCRIBE" => self.subscribe(body)?,
                b"CANCEL" => self.cancel(&body),
                _ => {
                    answer_ping(&name, &body, output);
                    false
                }
            },
            Frame::Part { body, .. } => match body.first() {
                Some(1) => self.subscribe(body.slice(1..))?,
                Some(0) => self.cancel(&body[1..]),
                _ => false,
            },
        };
        Ok(Some(match is_change {
            true => SubscriberEvent::Subscriptions,
            false => SubscriberEvent::Alive,
        }))
    }

    fn subscribe(&mut self, prefix: Bytes) -> Result<bool, Error> {
        if self.prefixes.len() >= SUBSCRIPTIONS_MAX {
            return Err(Error::TooManySubscriptions);
        }
        // A copy: the slice would keep the whole read buffer alive.
        self.prefixes.push(Bytes::copy_from_slice(&prefix));
        Ok(true)
    }

    fn cancel(&mut self, prefix: &[u8]) -> bool {
        let place = self.prefixes.iter().position(|known| known == prefix);
        place
            .map(|place| self.prefixes.swap_remove(place))
            .is_some()
    }
}

/// Writes what goes on the wire before a publication's body: a frame's head, and the topic's frame
/// before it where filtering is on. The body itself is shared by all subscribers, not copied.
pub fn publication_head(topic: Option<&[u8]>, body_bytes: usize) -> Bytes {
    let mut output = BytesMut::with_capacity(64);
    if let Some(topic) = topic {
        encode_frame(topic, true, &mut output);
    }
    encode_last_head(body_bytes, &mut output);
    output.freeze()
}

/// Writes a PING without context and without a time to live, as a Salt master's publisher sends it.
pub fn encode_ping() -> Bytes {
    let mut output = BytesMut::new();
    encode_command(b"PING", b"\0\0", &mut output);
    output.freeze()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn feed(subscriber: &mut Subscriber, bytes: &[u8]) -> Option<SubscriberEvent> {
        let mut input = BytesMut::from(bytes);
        subscriber
            .next(&mut input, &mut BytesMut::new())
            .expect("honest frames")
    }

    // Item 8.
    #[test]
    fn both_forms_subscribe_and_cancel() {
        let mut subscriber = Subscriber::new();
        feed(&mut subscriber, b"\x00\x01\x01");
        assert_eq!(subscriber.prefixes(), [Bytes::new()]);
        feed(&mut subscriber, b"\x00\x01\x00");
        assert!(subscriber.prefixes().is_empty());
        feed(&mut subscriber, b"\x04\x0b\x09SUBSCRIBEx");
        assert_eq!(subscriber.prefixes(), [Bytes::from("x")]);
        feed(&mut subscriber, b"\x04\x08\x06CANCELx");
        assert!(subscriber.prefixes().is_empty());
    }

    #[test]
    fn endless_subscriptions_end_the_connection() {
        let mut subscriber = Subscriber::new();
        for _ in 0..SUBSCRIPTIONS_MAX {
            feed(&mut subscriber, b"\x00\x02\x01a");
        }
        let mut input = BytesMut::from(&b"\x00\x02\x01a"[..]);
        let result = subscriber.next(&mut input, &mut BytesMut::new());
        assert_eq!(result, Err(Error::TooManySubscriptions));
    }

    // Item 10, as far as frames go.
    #[test]
    fn a_publication_is_one_frame_or_topic_and_body() {
        assert_eq!(&publication_head(None, 4)[..], b"\0\x04");
        assert_eq!(&publication_head(None, 256)[..], b"\x02\0\0\0\0\0\0\x01\0");
        let filtered = publication_head(Some(b"broadcast"), 4);
        assert_eq!(&filtered[..], b"\x01\x09broadcast\0\x04");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut subscriber = Subscriber::new();
            let mut input = BytesMut::from(&bytes[..]);
            while let Ok(Some(_)) = subscriber.next(&mut input, &mut BytesMut::new()) {}
        }
    }
}
