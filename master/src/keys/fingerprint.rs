//! Fingerprints of key files in every `hash_type` that Salt knows.

use minion_protocol::crypt::normalise;
use openssl::hash::{MessageDigest, hash};

/// The fingerprint of a key's text: the hash over the lines between the first and the last, as
/// Salt's `pem_finger` makes it, in pairs with colons. `None` for a hash that nobody knows.
pub fn fingerprint_by(pem: &str, hash_type: &str) -> Option<String> {
    let digest = match hash_type.to_lowercase().as_str() {
        "md5" => MessageDigest::md5(),
        "sha1" => MessageDigest::sha1(),
        "sha224" => MessageDigest::sha224(),
        "sha256" => MessageDigest::sha256(),
        "sha384" => MessageDigest::sha384(),
        "sha512" => MessageDigest::sha512(),
        _ => return None,
    };
    let text = normalise(pem);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let inner = lines
        .get(1..lines.len().saturating_sub(1))
        .unwrap_or_default();
    let hashed: String = inner.iter().map(|line| format!("{line}\n")).collect();
    let digest = hash(digest, hashed.as_bytes()).ok()?;
    let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(pairs.join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_that_of_the_protocol() {
        let pem = "-----BEGIN PUBLIC KEY-----\nAAAA\nBBBB\n-----END PUBLIC KEY-----";
        let ours = fingerprint_by(pem, "sha256");
        assert_eq!(ours, Some(minion_protocol::crypt::fingerprint(pem)));
        assert_eq!(fingerprint_by(pem, "md5").map(|text| text.len()), Some(47));
        assert_eq!(fingerprint_by(pem, "crc"), None);
    }
}
