//! Frames: one flag byte, a length of one or eight bytes, a body.
//!
//! The decoder looks only at bytes that have arrived; a claimed length is checked, never reserved.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::Error;
use crate::limits::PING_CONTEXT_BYTES_MAX;

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Part of a message.
    Part {
        /// The content.
        body: Bytes,
        /// Whether another part of the same message follows.
        has_more: bool,
    },
    /// A command such as READY, PING or SUBSCRIBE.
    Command {
        /// The command's name.
        name: Bytes,
        /// What follows the name.
        body: Bytes,
    },
}

/// What one connection may send.
#[derive(Debug, Clone, Copy)]
pub struct FrameLimits {
    /// Bytes of one message, all its parts together.
    pub message_bytes_max: usize,
    /// Parts of one message.
    pub parts_max: usize,
    /// Bytes of one command.
    pub command_bytes_max: usize,
}

/// Cuts a stream of bytes into frames.
#[derive(Debug)]
pub struct FrameDecoder {
    limits: FrameLimits,
    message_bytes: usize,
    parts: usize,
}

impl FrameDecoder {
    /// Makes a decoder for one connection.
    pub fn new(limits: FrameLimits) -> Self {
        Self {
            limits,
            message_bytes: 0,
            parts: 0,
        }
    }

    /// Takes the next frame off the front of `input`; `None` until it is complete.
    ///
    /// # Errors
    /// Unknown flags, or a claim over the limits. The connection cannot go on then.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, Error> {
        let Some(&flags) = input.first() else {
            return Ok(None);
        };
        let is_command = flags & COMMAND != 0;
        if flags & !(MORE | LONG | COMMAND) != 0 || (is_command && flags & MORE != 0) {
            return Err(Error::Flags(flags));
        }
        let Some((header_bytes, length)) = read_length(flags, input) else {
            return Ok(None);
        };
        let length = self.check(is_command, length)?;
        if input.len() - header_bytes < length {
            return Ok(None);
        }
        input.advance(header_bytes);
        let body = input.split_to(length).freeze();
        if is_command {
            return command(body).map(Some);
        }
        let has_more = flags & MORE != 0;
        if has_more {
            self.message_bytes += length;
            self.parts += 1;
        } else {
            self.message_bytes = 0;
            self.parts = 0;
        }
        Ok(Some(Frame::Part { body, has_more }))
    }

    fn check(&self, is_command: bool, claimed: u64) -> Result<usize, Error> {
        let limit = if is_command {
            self.limits.command_bytes_max
        } else if self.parts >= self.limits.parts_max {
            return Err(Error::TooManyParts);
        } else {
            self.limits.message_bytes_max - self.message_bytes
        };
        match usize::try_from(claimed) {
            Ok(length) if length <= limit => Ok(length),
            _ => Err(Error::TooLarge { claimed, limit }),
        }
    }
}

fn read_length(flags: u8, input: &[u8]) -> Option<(usize, u64)> {
    if flags & LONG == 0 {
        return Some((2, u64::from(*input.get(1)?)));
    }
    let length = input.get(1..9)?.try_into().ok()?;
    Some((9, u64::from_be_bytes(length)))
}

fn command(mut body: Bytes) -> Result<Frame, Error> {
    let name_bytes = usize::from(*body.first().ok_or(Error::Ready)?);
    if body.len() < 1 + name_bytes {
        return Err(Error::Ready);
    }
    body.advance(1);
    let name = body.split_to(name_bytes);
    Ok(Frame::Command { name, body })
}

/// Writes one part of a message.
pub fn encode_frame(body: &[u8], has_more: bool, output: &mut BytesMut) {
    write(if has_more { MORE } else { 0 }, body, output);
}

/// Writes one command.
pub(super) fn encode_command(name: &[u8], body: &[u8], output: &mut BytesMut) {
    let mut whole = Vec::with_capacity(1 + name.len() + body.len());
    whole.push(u8::try_from(name.len()).expect("our command names are short"));
    whole.extend_from_slice(name);
    whole.extend_from_slice(body);
    write(COMMAND, &whole, output);
}

fn write(flags: u8, body: &[u8], output: &mut BytesMut) {
    output.reserve(9 + body.len());
    write_head(flags, body.len(), output);
    output.put_slice(body);
}

fn write_head(flags: u8, length: usize, output: &mut BytesMut) {
    match u8::try_from(length) {
        Ok(length) => {
            output.put_u8(flags);
            output.put_u8(length);
        }
        Err(_) => {
            output.put_u8(flags | LONG);
            output.put_u64(length as u64);
        }
    }
}

/// Writes what stands before the body of a message's last part.
pub(super) fn encode_last_head(length: usize, output: &mut BytesMut) {
    write_head(0, length, output);
}

/// Answers a PING with its own context; gives false for any other command.
pub(super) fn answer_ping(name: &[u8], body: &[u8], output: &mut BytesMut) -> bool {
    if name != b"PING" {
        return false;
    }
    // The first two bytes are a time to live, which concerns the sender's own patience.
    let context = body.get(2..).unwrap_or_default();
    let context = &context[..context.len().min(PING_CONTEXT_BYTES_MAX)];
    encode_command(b"PONG", context, output);
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: FrameLimits = FrameLimits {
        message_bytes_max: 1000,
        parts_max: 4,
        command_bytes_max: 100,
    };

    fn decode(bytes: &[u8]) -> Result<Option<Frame>, Error> {
        FrameDecoder::new(LIMITS).next(&mut BytesMut::from(bytes))
    }

    // Item 7.
    #[test]
    fn an_absurd_claim_is_an_error_before_its_body_arrives() {
        let mut bytes = vec![LONG];
        bytes.extend((1u64 << 40).to_be_bytes());
        let expected = Error::TooLarge {
            claimed: 1 << 40,
            limit: 1000,
        };
        assert_eq!(decode(&bytes), Err(expected));
        bytes[1..].copy_from_slice(&u64::MAX.to_be_bytes());
        assert!(decode(&bytes).is_err());
    }

    #[test]
    fn the_parts_of_one_message_share_its_limit() {
        let mut input = BytesMut::new();
        encode_frame(&[1; 600], true, &mut input);
        encode_frame(&[1; 600], false, &mut input);
        let mut decoder = FrameDecoder::new(LIMITS);
        assert!(decoder.next(&mut input).expect("fits").is_some());
        assert!(decoder.next(&mut input).is_err());
    }

    #[test]
    fn a_message_of_endless_parts_is_cut_off() {
        let mut decoder = FrameDecoder::new(LIMITS);
        let mut input = BytesMut::new();
        for _ in 0..4 {
            encode_frame(b"", true, &mut input);
            assert!(decoder.next(&mut input).expect("fits").is_some());
        }
        encode_frame(b"", true, &mut input);
        assert_eq!(decoder.next(&mut input), Err(Error::TooManyParts));
    }

    #[test]
    fn the_bytes_are_those_of_libzmq() {
        let mut output = BytesMut::new();
        encode_frame(b"", true, &mut output);
        assert_eq!(&output[..], b"\x01\x00");
        output.clear();
        encode_frame(&[7; 256], false, &mut output);
        assert_eq!(&output[..9], b"\x02\0\0\0\0\0\0\x01\0");
        output.clear();
        encode_command(b"PING", b"\0\0", &mut output);
        assert_eq!(&output[..], b"\x04\x07\x04PING\0\0");
    }

    // Item 9.
    #[test]
    fn a_ping_is_answered_with_its_context() {
        let mut output = BytesMut::new();
        assert!(answer_ping(b"PING", b"\x00\x0aabc", &mut output));
        assert_eq!(&output[..], b"\x04\x08\x04PONGabc");
        output.clear();
        assert!(answer_ping(b"PING", &[b'x'; 60], &mut output));
        assert_eq!(output.len(), 2 + 5 + 16);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_in_any_slices(
            bodies in proptest::collection::vec(
                proptest::collection::vec(any::<u8>(), 0..300),
                1..3,
            ),
            cut in 1usize..50,
        ) {
            let mut wire = BytesMut::new();
            for (index, body) in bodies.iter().enumerate() {
                encode_frame(body, index + 1 < bodies.len(), &mut wire);
            }
            let mut decoder = FrameDecoder::new(LIMITS);
            let (mut input, mut read) = (BytesMut::new(), Vec::new());
            for slice in wire.chunks(cut) {
                input.extend_from_slice(slice);
                while let Some(frame) = decoder.next(&mut input).expect("honest") {
                    let Frame::Part { body, .. } = frame else { panic!("no command was sent") };
                    read.push(body.to_vec());
                }
            }
            prop_assert_eq!(read, bodies);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut decoder = FrameDecoder::new(LIMITS);
            let mut input = BytesMut::from(&bytes[..]);
            while let Ok(Some(_)) = decoder.next(&mut input) {}
        }
    }
}
