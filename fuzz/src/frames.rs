//! ZMTP as it comes from strangers: the handshake, then a requester's or a subscriber's frames.
//!
//! The first byte says where to cut the rest in two: what is read must not depend on how it
//! arrives, and an error must come before memory is taken for what is only claimed.

use bytes::BytesMut;
use minion_protocol::zmtp::{Handshake, Requester, Role, Subscriber};

/// The limit that requests have here.
const REQUEST_BYTES_MAX: usize = 1 << 16;

/// Tries one input.
///
/// # Panics
/// Something does not hold.
pub fn check(input: &[u8]) {
    let Some((cut, bytes)) = input.split_first() else {
        return;
    };
    let cut = usize::from(*cut).min(bytes.len());
    assert_eq!(
        requests(&[bytes]),
        requests(&[&bytes[..cut], &bytes[cut..]])
    );
    assert_eq!(
        prefixes(&[bytes]),
        prefixes(&[&bytes[..cut], &bytes[cut..]])
    );
    for role in [Role::Router, Role::Publisher] {
        let mut input = BytesMut::from(bytes);
        let _ = Handshake::new(role).advance(&mut input);
    }
}

fn requests(slices: &[&[u8]]) -> (Vec<String>, bool) {
    let mut requester = Requester::new(REQUEST_BYTES_MAX);
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    let mut events = Vec::new();
    for slice in slices {
        input.extend_from_slice(slice);
        loop {
            match requester.next(&mut input, &mut output) {
                Ok(Some(event)) => events.push(format!("{event:?}")),
                Ok(None) => break,
                Err(_) => return (events, true),
            }
        }
    }
    (events, false)
}

fn prefixes(slices: &[&[u8]]) -> (Vec<String>, bool) {
    let mut subscriber = Subscriber::new();
    let (mut input, mut output) = (BytesMut::new(), BytesMut::new());
    let mut events = Vec::new();
    for slice in slices {
        input.extend_from_slice(slice);
        loop {
            match subscriber.next(&mut input, &mut output) {
                Ok(Some(_)) => events.push(format!("{:?}", subscriber.prefixes())),
                Ok(None) => break,
                Err(_) => return (events, true),
            }
        }
    }
    (events, false)
}
