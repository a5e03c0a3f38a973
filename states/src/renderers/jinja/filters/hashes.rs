//! Salt's filters that hash, sign and encode.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::Filter;
use crate::renderers::jinja::fault::{Fault, Outcome};
use crate::renderers::jinja::limits;
use crate::renderers::jinja::object_call::required;
use crate::renderers::jinja::value::Py;

pub(super) fn find(name: &str) -> Option<Filter> {
    Some(match name {
        "md5" => |_, value, _, _| bytes_of(&value).map(|bytes| hex(&md5(&bytes))),
        "sha1" => |_, value, _, _| bytes_of(&value).map(|bytes| hex(&Sha1::digest(bytes))),
        "sha256" => |_, value, _, _| bytes_of(&value).map(|bytes| hex(&Sha256::digest(bytes))),
        "sha512" => |_, value, _, _| bytes_of(&value).map(|bytes| hex(&Sha512::digest(bytes))),
        "base64_encode" => {
            |_, value, _, _| bytes_of(&value).map(|bytes| Py::from(STANDARD.encode(bytes)))
        }
        "base64_decode" => |_, value, _, _| base64_decode(&value),
        "hmac" => |_, value, args, _| {
            let [secret, challenge] = args.bind("hmac", ["shared_secret", "challenge_hmac"])?;
            let secret = bytes_of(&required(secret, "hmac_signature", "shared_secret")?)?;
            let challenge = bytes_of(&required(challenge, "hmac_signature", "challenge_hmac")?)?;
            let signature = STANDARD.encode(hmac_sha256(&secret, &bytes_of(&value)?));
            Ok(Py::Bool(signature.as_bytes() == challenge))
        },
        "hmac_compute" => |_, value, args, _| {
            let [secret] = args.bind("hmac_compute", ["shared_secret"])?;
            let secret = bytes_of(&required(secret, "hmac_compute", "shared_secret")?)?;
            Ok(hex(&hmac_sha256(&secret, &bytes_of(&value)?)))
        },
        "uuid" => |_, value, _, _| uuid(&value),
        _ => return None,
    })
}

fn bytes_of(value: &Py) -> Outcome<Vec<u8>> {
    let bytes = match value.defined()? {
        Py::Str(text) | Py::Markup(text) => text.as_bytes().to_vec(),
        Py::Bytes(bytes) => bytes.to_vec(),
        other => {
            return Err(Fault::python(format!(
                "expected str, bytes, or bytearray not <class '{}'>",
                other.type_name()
            )));
        }
    };
    limits::text(bytes.len())?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> Py {
    Py::from(
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>(),
    )
}

fn base64_decode(value: &Py) -> Outcome<Py> {
    let bytes = bytes_of(value)?;
    let decoded = STANDARD
        .decode(&bytes)
        .map_err(|error| Fault::python(format!("bad base64: {error}")))?;
    String::from_utf8(decoded)
        .map(Py::from)
        .map_err(|error| Fault::python(format!("'utf-8' codec can't decode: {error}")))
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 64;
    let mut padded = [0u8; BLOCK];
    if key.len() > BLOCK {
        padded[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        padded[..key.len()].copy_from_slice(key);
    }
    let keyed = |pad: u8, rest: &[u8]| {
        let mut hash = Sha256::new();
        hash.update(padded.map(|byte| byte ^ pad));
        hash.update(rest);
        hash.finalize().to_vec()
    };
    keyed(0x5c, &keyed(0x36, message))
}

/// Version 5 in Salt's own name space.
fn uuid(value: &Py) -> Outcome<Py> {
    const NAMESPACE: u128 = 0x9163_3ebf_1c86_5e33_935a_2806_1f4b_480e;
    let name = bytes_of(value)?;
    let mut hash = Sha1::new();
    hash.update(NAMESPACE.to_be_bytes());
    hash.update(name);
    let digest = hash.finalize();
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x50;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Py::from(format!(
        "{}-{}-{}-{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..]
    )))
}

/// MD5, for names only. RFC 1321.
fn md5(message: &[u8]) -> [u8; 16] {
    const SHIFTS: [[u32; 4]; 4] = [
        [7, 12, 17, 22],
        [5, 9, 14, 20],
        [4, 11, 16, 23],
        [6, 10, 15, 21],
    ];
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend((message.len() as u64).wrapping_mul(8).to_le_bytes());
    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in padded.chunks_exact(64) {
        let mut words = [0u32; 16];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
            *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        let [mut a, mut b, mut c, mut d] = state;
        for step in 0..64 {
            let (mixed, word) = match step / 16 {
                0 => ((b & c) | (!b & d), step),
                1 => ((d & b) | (!d & c), (5 * step + 1) % 16),
                2 => (b ^ c ^ d, (3 * step + 5) % 16),
                _ => (c ^ (b | !d), (7 * step) % 16),
            };
            let constant = ((step as f64 + 1.0).sin().abs() * 4_294_967_296.0) as u32;
            let sum = a
                .wrapping_add(mixed)
                .wrapping_add(constant)
                .wrapping_add(words[word]);
            (a, d, c) = (d, c, b);
            b = b.wrapping_add(sum.rotate_left(SHIFTS[step / 16][step % 4]));
        }
        for (part, add) in state.iter_mut().zip([a, b, c, d]) {
            *part = part.wrapping_add(add);
        }
    }
    let mut digest = [0u8; 16];
    for (bytes, part) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&part.to_le_bytes());
    }
    digest
}
