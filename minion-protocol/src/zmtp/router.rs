//! One connection to port 4506: requests come out, replies find their way back.
//!
//! A request is an empty delimiter frame and one body. Frames in front of the delimiter belong to
//! the client's own socket and are given back with the reply.

use bytes::{Bytes, BytesMut};

use super::frame::{answer_ping, encode_last_head};
use super::{Error, Frame, FrameDecoder, FrameLimits, encode_frame};
use crate::limits::{COMMAND_BYTES_MAX, PARTS_MAX};

/// What a requester did.
#[derive(Debug, PartialEq, Eq)]
pub enum RequesterEvent {
    /// It asks. A request without exactly one body frame has an empty body here, which is no
    /// envelope, so it is answered `bad load` like any other nonsense.
    Request {
        /// The way back.
        path: ReturnPath,
        /// The envelope's bytes.
        body: Bytes,
    },
    /// It gave a sign of life; `output` may hold an answer.
    Alive,
}

/// What usually stands before a body: a frame of a REQ socket's four bytes, the delimiter, a
/// length.
const HEAD_BYTES_USUAL: usize = 32;

/// The frames a reply begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnPath(Vec<Bytes>);

impl ReturnPath {
    /// Writes the reply as it goes on the wire.
    pub fn encode_reply(&self, body: &[u8]) -> BytesMut {
        let mut output = BytesMut::with_capacity(body.len() + HEAD_BYTES_USUAL);
        self.encode_head(body.len(), &mut output);
        output.extend_from_slice(body);
        output
    }

    /// Writes what stands before the body of a reply, so that a large one needs no copy.
    pub fn encode_head(&self, body_bytes: usize, output: &mut BytesMut) {
        for frame in &self.0 {
            encode_frame(frame, true, output);
        }
        encode_frame(b"", true, output);
        encode_last_head(body_bytes, output);
    }
}

/// The decoding side of one requester's connection, after the handshake.
#[derive(Debug)]
pub struct Requester {
    decoder: FrameDecoder,
    parts: Vec<Bytes>,
}

impl Requester {
    /// Begins, with a limit on one request.
    pub fn new(request_bytes_max: usize) -> Self {
        let limits = FrameLimits {
            message_bytes_max: request_bytes_max,
            parts_max: PARTS_MAX,
            command_bytes_max: COMMAND_BYTES_MAX,
        };
        Self {
            decoder: FrameDecoder::new(limits),
            parts: Vec::new(),
        }
    }

    /// Gives the next event; `None` until more bytes are there.
    ///
    /// # Errors
    /// Bytes that are not ZMTP or over a limit; the connection is to be closed.
    pub fn next(
        &mut self,
        input: &mut BytesMut,
        output: &mut BytesMut,
    ) -> Result<Option<RequesterEvent>, Error> {
        while let Some(frame) = self.decoder.next(input)? {
            match frame {
                Frame::Command { name, body } => {
                    answer_ping(&name, &body, output);
                    return Ok(Some(RequesterEvent::Alive));
                }
                Frame::Part { body, has_more } => {
                    self.parts.push(body);
                    if has_more {
                        continue;
                    }
                    // A message without a delimiter cannot be answered; libzmq drops it too.
                    if let Some(request) = request(std::mem::take(&mut self.parts)) {
                        return Ok(Some(request));
                    }
                }
            }
        }
        Ok(None)
    }
}

fn request(mut parts: Vec<Bytes>) -> Option<RequesterEvent> {
    let delimiter = parts.iter().position(Bytes::is_empty)?;
    let mut bodies = parts.split_off(delimiter + 1);
    parts.pop();
    let body = match bodies.len() {
        1 => bodies.remove(0),
        _ => Bytes::new(),
    };
    let path = ReturnPath(parts);
    Some(RequesterEvent::Request { path, body })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events(parts: &[&[u8]]) -> Option<RequesterEvent> {
        let mut input = BytesMut::new();
        for (index, part) in parts.iter().enumerate() {
            encode_frame(part, index + 1 < parts.len(), &mut input);
        }
        let mut requester = Requester::new(1000);
        requester
            .next(&mut input, &mut BytesMut::new())
            .expect("honest frames")
    }

    // Item 5.
    #[test]
    fn a_request_is_delimiter_and_body_and_so_is_its_reply() {
        let Some(RequesterEvent::Request { path, body }) = events(&[b"", b"ask"]) else {
            panic!("no request");
        };
        assert_eq!(&body[..], b"ask");
        assert_eq!(&path.encode_reply(b"answer")[..], b"\x01\0\0\x06answer");
    }

    #[test]
    fn frames_before_the_delimiter_come_back() {
        let Some(RequesterEvent::Request { path, .. }) = events(&[b"id", b"", b"ask"]) else {
            panic!("no request");
        };
        assert_eq!(&path.encode_reply(b"a")[..], b"\x01\x02id\x01\0\0\x01a");
    }

    // Item 6.
    #[test]
    fn a_request_of_no_or_two_bodies_is_an_empty_one() {
        for parts in [&[&b""[..]][..], &[b"", b"a", b"b"]] {
            let Some(RequesterEvent::Request { body, .. }) = events(parts) else {
                panic!("no request");
            };
            assert!(body.is_empty());
        }
        assert_eq!(events(&[b"no delimiter"]), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut requester = Requester::new(1000);
            let mut input = BytesMut::from(&bytes[..]);
            while let Ok(Some(_)) = requester.next(&mut input, &mut BytesMut::new()) {}
        }
    }
}
