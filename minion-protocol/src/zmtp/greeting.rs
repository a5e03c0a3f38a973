//! The handshake: 64 bytes each way, then READY each way.
//!
//! Our greeting goes out at once: libzmq sends ten bytes and then waits for ours, so a side that
//! waits for all 64 first waits for ever. READY goes with it: under NULL it hangs on nothing that
//! the peer says, and on its own it would cost a new connection a write and a round trip.

use bytes::{Buf, BytesMut};

use super::frame::encode_command;
use super::{Error, Frame, FrameDecoder, FrameLimits};
use crate::limits::COMMAND_BYTES_MAX;

/// Our greeting: ZMTP 3.1, mechanism NULL.
pub const GREETING: [u8; 64] = greeting();

const fn greeting() -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[0] = 0xff;
    // The length field of older protocols, as libzmq fills it for an empty identity.
    bytes[8] = 1;
    bytes[9] = 0x7f;
    bytes[10] = 3;
    bytes[11] = 1;
    bytes[12] = b'N';
    bytes[13] = b'U';
    bytes[14] = b'L';
    bytes[15] = b'L';
    bytes
}

/// Which of the two listening sockets this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Port 4506: requests and replies.
    Router,
    /// Port 4505: publications.
    Publisher,
}

impl Role {
    fn socket_type(self) -> &'static [u8] {
        match self {
            Role::Router => b"ROUTER",
            Role::Publisher => b"PUB",
        }
    }

    fn fits(self, peer: &[u8]) -> bool {
        match self {
            Role::Router => matches!(peer, b"REQ" | b"DEALER"),
            Role::Publisher => matches!(peer, b"SUB" | b"XSUB"),
        }
    }
}

/// Who completed the handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The identity it claims: a hint for logs, never a name to route by. Empty for most.
    pub identity: Vec<u8>,
    /// Whether its socket is a REQ: it takes no answer but the one to its last request, so that who
    /// asks again has given up what was asked before.
    pub is_req: bool,
}

/// Gives all that this side says in a handshake, before it has heard anything.
pub fn opening(role: Role) -> BytesMut {
    let mut output = BytesMut::from(&GREETING[..]);
    encode_ready(role, &mut output);
    output
}

/// One handshake, as far as the peer goes. The caller sends [`opening`] first.
#[derive(Debug)]
pub struct Handshake {
    role: Role,
    is_greeted: bool,
}

impl Handshake {
    /// Begins a handshake.
    pub fn new(role: Role) -> Self {
        Self {
            role,
            is_greeted: false,
        }
    }

    /// Takes what has arrived, and gives the peer once it is ready.
    ///
    /// # Errors
    /// The peer speaks something else, wants a mechanism, or is no partner of this socket.
    pub fn advance(&mut self, input: &mut BytesMut) -> Result<Option<Peer>, Error> {
        if !self.is_greeted {
            if !check_greeting(input)? {
                return Ok(None);
            }
            input.advance(GREETING.len());
            self.is_greeted = true;
        }
        let mut decoder = FrameDecoder::new(FrameLimits {
            message_bytes_max: 0,
            parts_max: 1,
            command_bytes_max: COMMAND_BYTES_MAX,
        });
        match decoder.next(input)? {
            None => Ok(None),
            Some(Frame::Command { name, body }) if &name[..] == b"READY" => {
                self.peer(&body).map(Some)
            }
            Some(_) => Err(Error::Ready),
        }
    }

    fn peer(&self, properties: &[u8]) -> Result<Peer, Error> {
        let (mut rest, mut identity) = (properties, Vec::new());
        let (mut has_type, mut is_req) = (false, false);
        while !rest.is_empty() {
            let (name, value, after) = property(rest).ok_or(Error::Ready)?;
            rest = after;
            if name.eq_ignore_ascii_case(b"Socket-Type") {
                has_type = self.role.fits(value);
                is_req = value == b"REQ";
            } else if name.eq_ignore_ascii_case(b"Identity") {
                identity = value.to_vec();
            }
        }
        if has_type {
            Ok(Peer { identity, is_req })
        } else {
            Err(Error::SocketType)
        }
    }
}

/// Says whether a whole good greeting has arrived. Bytes 1 to 8 may hold anything.
fn check_greeting(input: &[u8]) -> Result<bool, Error> {
    let is_other = input.first().is_some_and(|byte| *byte != 0xff)
        || input.get(9).is_some_and(|byte| byte & 1 == 0)
        || input.get(10).is_some_and(|major| *major < 3);
    if is_other {
        return Err(Error::NotZmtp);
    }
    if input.len() < GREETING.len() {
        return Ok(false);
    }
    if &input[12..32] == b"NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" {
        Ok(true)
    } else {
        Err(Error::Mechanism)
    }
}

fn property(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name_bytes, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*name_bytes))?;
    let (value_bytes, rest) = rest.split_first_chunk::<4>()?;
    let value_bytes = usize::try_from(u32::from_be_bytes(*value_bytes)).ok()?;
    let (value, rest) = rest.split_at_checked(value_bytes)?;
    Some((name, value, rest))
}

fn encode_ready(role: Role, output: &mut BytesMut) {
    let mut body = Vec::new();
    let mut put = |name: &[u8], value: &[u8]| {
        body.push(name.len() as u8);
        body.extend_from_slice(name);
        body.extend_from_slice(&(value.len() as u32).to_be_bytes());
        body.extend_from_slice(value);
    };
    put(b"Socket-Type", role.socket_type());
    if role == Role::Router {
        put(b"Identity", b"");
    }
    encode_command(b"READY", &body, output);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ready(socket_type: &[u8], identity: Option<&[u8]>) -> Vec<u8> {
        let mut body = b"\x0bSocket-Type\0\0\0".to_vec();
        body.push(socket_type.len() as u8);
        body.extend_from_slice(socket_type);
        if let Some(identity) = identity {
            body.extend_from_slice(b"\x08Identity\0\0\0");
            body.push(identity.len() as u8);
            body.extend_from_slice(identity);
        }
        let mut output = BytesMut::new();
        encode_command(b"READY", &body, &mut output);
        output.to_vec()
    }

    fn shake(role: Role, greeting: [u8; 64], ready: &[u8]) -> Result<Option<Peer>, Error> {
        let mut input = BytesMut::from(&greeting[..]);
        input.extend_from_slice(ready);
        Handshake::new(role).advance(&mut input)
    }

    // Item 1: ten bytes are no reason to refuse.
    #[test]
    fn ten_bytes_are_a_good_start() {
        let mut handshake = Handshake::new(Role::Router);
        let mut input = BytesMut::from(&GREETING[..10]);
        assert_eq!(handshake.advance(&mut input), Ok(None));
        input.extend_from_slice(&GREETING[10..]);
        assert_eq!(handshake.advance(&mut input), Ok(None));
        input.extend_from_slice(&ready(b"REQ", None));
        assert!(handshake.advance(&mut input).expect("fits").is_some());
    }

    #[test]
    fn all_is_said_before_anything_is_heard() {
        let said = opening(Role::Router);
        assert_eq!(said[..64], GREETING);
        assert_eq!(said[64..72], *b"\x04\x29\x05READY");
    }

    // Item 2.
    #[test]
    fn any_minor_version_and_any_length_field_pass() {
        for minor in [0, 1, 7] {
            let mut greeting = GREETING;
            greeting[1..9].fill(0xa5);
            greeting[11] = minor;
            let peer = shake(Role::Router, greeting, &ready(b"REQ", Some(b"")));
            assert!(peer.expect("fits").is_some());
        }
    }

    // Item 3.
    #[test]
    fn identity_is_optional() {
        let request = shake(Role::Router, GREETING, &ready(b"REQ", Some(b"me")));
        assert_eq!(request.expect("fits").expect("ready").identity, b"me");
        let plain = shake(Role::Router, GREETING, &ready(b"REQ", None));
        assert!(plain.expect("fits").is_some());
        let subscriber = shake(Role::Publisher, GREETING, &ready(b"SUB", None));
        assert!(subscriber.expect("fits").is_some());
    }

    #[test]
    fn a_wrong_partner_is_refused() {
        let wrong = shake(Role::Router, GREETING, &ready(b"SUB", None));
        assert_eq!(wrong, Err(Error::SocketType));
        let wrong = shake(Role::Publisher, GREETING, &ready(b"REQ", None));
        assert_eq!(wrong, Err(Error::SocketType));
        let mut greeting = GREETING;
        greeting[12..17].copy_from_slice(b"CURVE");
        let curve = shake(Role::Router, greeting, b"");
        assert_eq!(curve, Err(Error::Mechanism));
    }

    #[test]
    fn http_is_recognised_at_its_first_byte() {
        let mut input = BytesMut::from(&b"GET / HTTP/1.1"[..]);
        let result = Handshake::new(Role::Router).advance(&mut input);
        assert_eq!(result, Err(Error::NotZmtp));
    }

    #[test]
    fn ready_has_the_bytes_of_libzmq() {
        let mut output = BytesMut::new();
        encode_ready(Role::Publisher, &mut output);
        assert_eq!(
            &output[..],
            b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03PUB"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut with_greeting = BytesMut::from(&GREETING[..]);
            with_greeting.extend_from_slice(&bytes);
            for mut input in [BytesMut::from(&bytes[..]), with_greeting] {
                let _ = Handshake::new(Role::Router).advance(&mut input);
            }
            let _ = property(&bytes);
        }
    }
}
