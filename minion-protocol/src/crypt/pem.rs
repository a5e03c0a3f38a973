//! Key text: how it is compared and how its fingerprint is taken.

use sha2::{Digest, Sha256};

/// Strips surrounding white space and makes every line end a line feed. Keys are compared like
/// this.
pub fn normalise(pem: &str) -> String {
    if !pem.contains('\r') {
        return pem.trim().to_owned();
    }
    let unix = pem.replace("\r\n", "\n").replace('\r', "\n");
    unix.trim().to_owned()
}

/// Gives bytes as pairs of hexadecimal digits, with something between the pairs.
pub(super) fn hex(bytes: &[u8], between: &str) -> String {
    let mut text = String::with_capacity(bytes.len() * (2 + between.len()));
    for (place, byte) in bytes.iter().enumerate() {
        if place > 0 {
            text.push_str(between);
        }
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(digit.into(), 16));
        }
    }
    text
}

/// Gives the fingerprint operators compare: SHA-256 over the inner lines of the PEM text, line
/// feeds included and base64 not decoded, as colon-separated hex pairs.
pub fn fingerprint(pem: &str) -> String {
    let unix = normalise(pem);
    let lines: Vec<&str> = unix
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let mut hasher = Sha256::new();
    for line in lines.iter().take(lines.len().saturating_sub(1)).skip(1) {
        hasher.update(line.as_bytes());
        hasher.update(b"\n");
    }
    hex(&hasher.finalize(), ":")
}

#[cfg(test)]
mod tests {
    use super::*;

    // Item 38.
    #[test]
    fn line_ends_and_white_space_do_not_make_another_key() {
        let plain = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----";
        let windows = "\r\n-----BEGIN PUBLIC KEY-----\r\nAAAA\r\n-----END PUBLIC KEY-----\r\n";
        assert_eq!(normalise(windows), plain);
        assert_eq!(fingerprint(windows), fingerprint(plain));
    }

    #[test]
    fn a_text_without_lines_has_a_fingerprint_too() {
        assert_eq!(fingerprint("").len(), 32 * 3 - 1);
    }
}
