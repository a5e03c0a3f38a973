//! Bootstrap tokens: `id.secret`, a lifetime, and perhaps a number of uses.

use openssl::error::ErrorStack;
use openssl::rand::rand_bytes;
use serde::{Deserialize, Serialize};

use super::clock;
use super::error::Error;

const ID_CHARS: usize = 6;
const SECRET_CHARS: usize = 16;
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// A bootstrap token as the control plane knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Token {
    pub(super) id: String,
    pub(super) secret: String,
    /// Seconds since the epoch; none lives for ever.
    pub(super) expires: Option<u64>,
    pub(super) description: String,
    pub(super) usages: Vec<String>,
    /// How many more nodes may join with it; none is any number.
    pub(super) uses_left: Option<u32>,
}

impl Token {
    /// Makes a token from its text (or a new one) that lives for `ttl` from `now` on.
    pub(super) fn new(text: Option<&str>, ttl: &str, now: u64) -> Result<Self, Error> {
        let seconds = clock::parse(ttl).ok_or_else(|| {
            Error::Usage(format!(
                "invalid argument {ttl:?} for \"--ttl\" flag: invalid duration"
            ))
        })?;
        let (id, secret) = match text {
            Some(text) => split(text)?,
            None => (random(ID_CHARS)?, random(SECRET_CHARS)?),
        };
        Ok(Self {
            id,
            secret,
            expires: (seconds > 0).then(|| now.saturating_add(seconds)),
            description: String::new(),
            usages: vec!["authentication".into(), "signing".into()],
            uses_left: None,
        })
    }

    /// Gives `id.secret`.
    pub(super) fn text(&self) -> String {
        format!("{}.{}", self.id, self.secret)
    }

    /// Tells whether the token may be used for `usage` now.
    pub(super) fn is_good_for(&self, usage: &str, now: u64) -> bool {
        self.is_alive(now)
            && self.uses_left != Some(0)
            && self.usages.iter().any(|known| known == usage)
    }

    /// Tells whether the token's time is not over.
    pub(super) fn is_alive(&self, now: u64) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// Splits `id.secret` if it has the form of a token.
pub(super) fn split(text: &str) -> Result<(String, String), Error> {
    let is_part = |part: &str, chars| {
        part.len() == chars && part.bytes().all(|byte| ALPHABET.contains(&byte))
    };
    match text.split_once('.') {
        Some((id, secret)) if is_part(id, ID_CHARS) && is_part(secret, SECRET_CHARS) => {
            Ok((id.to_owned(), secret.to_owned()))
        }
        _ => Err(Error::Validation(
            // The text may be a mistyped secret: it is not repeated.
            "discovery.bootstrapToken.token: Invalid value: the bootstrap token is not of the \
             form \"[a-z0-9]{6}.[a-z0-9]{16}\""
                .into(),
        )),
    }
}

/// Writes the table of `token list`; nothing at all if there is no token.
pub(super) fn table(tokens: &[Token], now: u64) -> String {
    let mut rows = vec![
        [
            "TOKEN",
            "TTL",
            "EXPIRES",
            "USAGES",
            "DESCRIPTION",
            "EXTRA GROUPS",
        ]
        .map(str::to_owned),
    ];
    for token in tokens {
        let or_none = |text: &str| if text.is_empty() { "<none>" } else { text }.to_owned();
        let (ttl, expires) = match token.expires {
            Some(expires) => (
                clock::short(expires.saturating_sub(now)),
                clock::rfc3339(expires),
            ),
            None => ("<forever>".into(), "<never>".into()),
        };
        rows.push([
            token.text(),
            ttl,
            expires,
            or_none(&token.usages.join(",")),
            or_none(&token.description),
            "system:bootstrappers:kubeadm:default-node-token".into(),
        ]);
    }
    if tokens.is_empty() {
        String::new()
    } else {
        columns(&rows)
    }
}

/// Writes rows in columns that are three blanks apart, at least ten wide, as the real program.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let widest = rows.iter().map(|row| row[column].chars().count()).max();
        widest.unwrap_or(0).max(7) + 3
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        for (cell, width) in row.iter().zip(widths) {
            text += &format!("{cell:<width$}");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

fn random(chars: usize) -> Result<String, ErrorStack> {
    let mut text = String::new();
    while text.len() < chars {
        let mut byte = [0_u8];
        rand_bytes(&mut byte)?;
        // 252 is the largest multiple of 36 in a byte: above it some letters would be likelier.
        if byte[0] < 252 {
            text.push(char::from(ALPHABET[usize::from(byte[0]) % ALPHABET.len()]));
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_real_form_is_a_token() {
        assert!(split("abcdef.0123456789abcdef").is_ok());
        for text in [
            "",
            "abcdef",
            "abcde.0123456789abcdef",
            "ABCDEF.0123456789abcdef",
            "abcdef.0123456789abcde",
            "abcdef.0123456789abcdef.",
            "abcde-.0123456789abcdef",
        ] {
            assert!(split(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_new_token_has_the_real_form_and_is_not_the_last_one() {
        let first = Token::new(None, "15m", 1000).unwrap();
        let second = Token::new(None, "15m", 1000).unwrap();
        assert!(split(&first.text()).is_ok());
        assert_ne!(first.text(), second.text());
    }

    #[test]
    fn a_token_is_good_until_its_time_or_its_uses_are_over() {
        let mut token = Token::new(None, "15m", 1000).unwrap();
        assert!(token.is_good_for("authentication", 1899));
        assert!(!token.is_good_for("authentication", 1900));
        assert!(!token.is_good_for("something", 1000));
        token.uses_left = Some(0);
        assert!(!token.is_good_for("authentication", 1000));
        assert!(Token::new(None, "0", 1000).unwrap().is_alive(u64::MAX));
    }

    #[test]
    fn the_table_has_the_real_columns() {
        let mut token = Token::new(Some("abcdef.0123456789abcdef"), "15m", 0).unwrap();
        token.description = "a join".into();
        let table = table(&[token], 0);
        let rows: Vec<&str> = table.lines().collect();
        assert!(
            rows[0].starts_with("TOKEN                     TTL       EXPIRES"),
            "{table}"
        );
        let cells: Vec<&str> = rows[1]
            .split("   ")
            .map(str::trim)
            .filter(|c| !c.is_empty())
            .collect();
        assert_eq!(cells[..2], ["abcdef.0123456789abcdef", "15m"]);
        assert_eq!(
            cells[2..5],
            ["1970-01-01T00:15:00Z", "authentication,signing", "a join"]
        );
        assert_eq!(super::table(&[], 0), "");
    }
}
