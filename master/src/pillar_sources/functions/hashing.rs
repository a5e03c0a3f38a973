//! `hashutil.*`: checksums, signatures and base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Value;
use openssl::hash::MessageDigest;
use openssl::memcmp;
use openssl::pkey::PKey;
use openssl::sign::Signer;

use super::{Answer, Arguments, Family, MinionFunctions, bad, failed, files};
use states::context::FunctionError;

pub(super) const FAMILY: Family = Family {
    module: "hashutil",
    functions: &[
        "base64_b64decode",
        "base64_b64encode",
        "base64_decodestring",
        "base64_encodestring",
        "digest",
        "digest_file",
        "github_signature",
        "hmac_compute",
        "hmac_signature",
        "md5_digest",
        "sha256_digest",
        "sha512_digest",
    ],
    call,
};

/// Bytes that Python's `encodebytes` puts on a line.
const LINE_BYTES: usize = 57;

fn call(of: &MinionFunctions, fun: &str, arguments: &Arguments) -> Option<Answer> {
    Some(match fun {
        "md5_digest" => digest_of(arguments, "md5"),
        "sha256_digest" => digest_of(arguments, "sha256"),
        "sha512_digest" => digest_of(arguments, "sha512"),
        "digest" => digest_of(arguments, &arguments.text(1, "checksum", "md5")),
        "digest_file" => arguments.required_text(0, "infile").and_then(|path| {
            let content = files::content(of, "hashutil.digest_file", &path)?;
            digest(&content, &arguments.text(1, "checksum", "md5"))
        }),
        "base64_b64encode" => text(arguments, |bytes| Ok(STANDARD.encode(bytes).into_bytes())),
        "base64_encodestring" => text(arguments, |bytes| {
            let lines = bytes.chunks(LINE_BYTES);
            let lines = lines.map(|line| STANDARD.encode(line) + "\n");
            Ok(lines.collect::<String>().into_bytes())
        }),
        "base64_b64decode" | "base64_decodestring" => text(arguments, |bytes| {
            let bytes: Vec<u8> = bytes
                .iter()
                .copied()
                .filter(|b| !b.is_ascii_whitespace())
                .collect();
            STANDARD
                .decode(bytes)
                .map_err(|error| failed(error.to_string()))
        }),
        "hmac_compute" => hmac(arguments, "sha256").map(|sum| Value::Str(hex(&sum))),
        "hmac_signature" => hmac(arguments, "sha256").and_then(|sum| {
            let challenge = arguments.required_text(2, "challenge_hmac")?;
            Ok(is_same(
                STANDARD.encode(sum).as_bytes(),
                challenge.as_bytes(),
            ))
        }),
        "github_signature" => github(arguments),
        _ => return None,
    })
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Finds a checksum by Python's name.
pub(super) fn named(name: &str) -> Option<MessageDigest> {
    Some(match name {
        "md5" => MessageDigest::md5(),
        "sha1" => MessageDigest::sha1(),
        "sha224" => MessageDigest::sha224(),
        "sha256" => MessageDigest::sha256(),
        "sha384" => MessageDigest::sha384(),
        "sha512" => MessageDigest::sha512(),
        _ => return None,
    })
}

/// Gives a checksum in hexadecimal.
pub(super) fn checksum(bytes: &[u8], name: &str) -> Answer {
    let digest = named(name).ok_or_else(|| bad(format!("there is no checksum '{name}'")))?;
    let sum = openssl::hash::hash(digest, bytes).map_err(|error| failed(error.to_string()))?;
    Ok(Value::Str(hex(&sum)))
}

fn digest_of(arguments: &Arguments, name: &str) -> Answer {
    digest(&bytes(arguments.required(0, "instr")?), name)
}

fn digest(bytes: &[u8], name: &str) -> Answer {
    if !matches!(name, "md5" | "sha256" | "sha512") {
        return Err(failed(format!("Hash func '{name}' is not supported.")));
    }
    checksum(bytes, name)
}

/// Gives the bytes of a value as Salt's `to_bytes` does for text.
pub(super) fn bytes(value: &Value) -> Vec<u8> {
    match value.as_bytes() {
        Some(bytes) => bytes.to_vec(),
        None => value.to_text().into_bytes(),
    }
}

fn text(arguments: &Arguments, coded: impl Fn(&[u8]) -> Result<Vec<u8>, FunctionError>) -> Answer {
    let bytes = coded(&bytes(arguments.required(0, "instr")?))?;
    Ok(String::from_utf8(bytes).map_or_else(|error| Value::Bytes(error.into_bytes()), Value::Str))
}

fn hmac(arguments: &Arguments, name: &str) -> Result<Vec<u8>, FunctionError> {
    let message = bytes(arguments.required(0, "string")?);
    let secret = bytes(arguments.required(1, "shared_secret")?);
    let digest = named(name).ok_or_else(|| bad(format!("there is no checksum '{name}'")))?;
    let sign = || {
        let key = PKey::hmac(&secret)?;
        Signer::new(digest, &key)?.sign_oneshot_to_vec(&message)
    };
    sign().map_err(|error: openssl::error::ErrorStack| failed(error.to_string()))
}

fn github(arguments: &Arguments) -> Answer {
    let challenge = arguments.required_text(2, "challenge_hmac")?;
    let (name, challenge) = challenge
        .split_once('=')
        .ok_or_else(|| bad("the signature must be checksum=value"))?;
    let sum = hex(&hmac(arguments, name)?);
    Ok(is_same(sum.as_bytes(), challenge.as_bytes()))
}

fn is_same(one: &[u8], other: &[u8]) -> Value {
    Value::Bool(one.len() == other.len() && memcmp::eq(one, other))
}
