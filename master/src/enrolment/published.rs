//! UUIDs that stand in public documentation: they name no machine.

use std::sync::LazyLock;

/// What the values are made of, in the way of RFC 4122's version 3 with the namespace of DNS: the
/// ten names that Yomi's manual makes its autosign list of.
const NAME: &str = "http://opensuse.org/";
/// How many there are.
const COUNT: u8 = 10;
/// The namespace of DNS names in RFC 4122.
const DNS: [u8; 16] = [
    0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8,
];

/// Says whether a value of a grain is one of the published ones: anybody can send it.
pub fn is_published(value: &str) -> bool {
    static VALUES: LazyLock<Vec<String>> = LazyLock::new(values);
    let value = value.trim().to_ascii_lowercase();
    VALUES.contains(&value)
}

/// Gives the published values.
pub fn values() -> Vec<String> {
    let of = |number| version_3(format!("{NAME}{number}").as_bytes());
    (0..COUNT).map(of).collect()
}

fn version_3(name: &[u8]) -> String {
    let text = [&DNS[..], name].concat();
    let mut digest = md5(&text);
    digest[6] = digest[6] & 0x0f | 0x30;
    digest[8] = digest[8] & 0x3f | 0x80;
    uuid::Uuid::from_bytes(digest).hyphenated().to_string()
}

fn md5(text: &[u8]) -> [u8; 16] {
    let digest = openssl::hash::hash(openssl::hash::MessageDigest::md5(), text);
    let mut bytes = [0; 16];
    // A build of OpenSSL without MD5 knows no published value; the tests would say so.
    if let Ok(digest) = digest
        && digest.len() == bytes.len()
    {
        bytes.copy_from_slice(&digest);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ten_values_are_those_that_uuidgen_gives() {
        let values = values();
        assert_eq!(values.len(), 10);
        assert_eq!(values[0], "732ae02e-3588-37cf-8e44-da69d330169e");
        assert_eq!(values[9], "584b1172-996a-3c4a-b4ed-bf9e094680f6");
        assert!(is_published("FD2BF7FC-97AD-3341-92FA-8A6516CCD11A"));
        assert!(!is_published("fd2bf7fc-97ad-3341-92fa-8a6516ccd11b"));
    }
}
