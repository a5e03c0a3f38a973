//! Looks for join tokens in everything the lab's master wrote.
//!
//! Known by their form only, as the run's token is revoked when this looks: six characters, a dot,
//! sixteen characters. A name of that form has no digit behind the dot; one token in two hundred
//! has none either.

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes before the dot of a kubeadm token.
const ID_BYTES: usize = 6;
/// Bytes behind it.
const SECRET_BYTES: usize = 16;

/// Gives the files below a directory that hold what looks like a kubeadm token.
pub(crate) fn files_with_tokens(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() {
                dirs.push(path);
            } else if kind.is_file() && fs::read(&path).is_ok_and(|bytes| has_token(&bytes)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn has_token(bytes: &[u8]) -> bool {
    let dots = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'.');
    dots.map(|(place, _)| place)
        .any(|place| is_token(bytes, place))
}

fn is_token(bytes: &[u8], dot: usize) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let (before, behind) = (&bytes[..dot], &bytes[dot + 1..]);
    let id = before.iter().rev().take_while(|byte| is_part(byte)).count();
    let secret = behind.iter().take_while(|byte| is_part(byte)).count();
    let has_digit = behind.iter().take(secret).any(u8::is_ascii_digit);
    let goes_on = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    id == ID_BYTES
        && secret == SECRET_BYTES
        && has_digit
        && !goes_on(
            before
                .len()
                .checked_sub(id + 1)
                .and_then(|at| before.get(at)),
        )
        && !goes_on(behind.get(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_form() {
        let cases = [
            ("--token abcdef.0123456789abcdef --", true),
            ("abcdef.0123456789abcdef", true),
            ("'token': '61odxb.q061a4x8vmlqplkq'", true),
            ("kernel.randomizevaspace", false),
            ("abcdef.0123456789abcdefg", false),
            ("xabcdef.0123456789abcdef", false),
            ("10.0.0.1:6443", false),
        ];
        for (text, expected) in cases {
            assert_eq!(has_token(text.as_bytes()), expected, "{text}");
        }
    }
}
