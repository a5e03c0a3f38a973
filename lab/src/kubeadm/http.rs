//! As much of HTTP/1.1 as the endpoint and a joining node speak: one request a connection.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};

/// A request line or header is shorter; a token or a path needs far less.
const LINE_BYTES_MAX: u64 = 8 * 1024;
const HEADERS_MAX: usize = 64;
/// A signing request is 2 KiB, a list of a thousand nodes 300 KiB.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// What came in: the first line, the token if there was one, and the body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// `GET /path HTTP/1.1` or `HTTP/1.1 200 OK`.
    pub(super) first_line: String,
    /// What followed `Authorization: Bearer`.
    pub(super) bearer: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Message {
    /// Gives the status of an answer; 0 if the first line has none.
    pub(super) fn status(&self) -> u16 {
        self.first_line
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .unwrap_or(0)
    }

    /// Gives `GET /path` of a request.
    pub(super) fn route(&self) -> &str {
        self.first_line
            .rsplit_once(' ')
            .map_or("", |(route, _)| route)
    }
}

/// Reads one message. Anything over the limits is an error.
pub(super) fn read(stream: impl Read) -> Result<Message> {
    let mut stream = BufReader::new(stream);
    let mut message = Message {
        first_line: line(&mut stream)?,
        bearer: None,
        body: Vec::new(),
    };
    let mut length = 0_usize;
    for _ in 0..HEADERS_MAX {
        let header = line(&mut stream)?;
        if header.is_empty() {
            if length > BODY_BYTES_MAX {
                return Err(invalid("the body is too long"));
            }
            message.body.resize(length, 0);
            stream.read_exact(&mut message.body)?;
            return Ok(message);
        }
        let (name, value) = header.split_once(':').ok_or_else(|| invalid("no header"))?;
        match name.to_ascii_lowercase().as_str() {
            "content-length" => {
                length = value.trim().parse().map_err(|_| invalid("no length"))?;
            }
            "authorization" => {
                message.bearer = value.trim().strip_prefix("Bearer ").map(str::to_owned);
            }
            _ => {}
        }
    }
    Err(invalid("too many headers"))
}

/// Writes one message with a JSON body; `headers` are whole lines.
pub(super) fn write(
    mut stream: impl Write,
    first_line: &str,
    headers: &str,
    body: &[u8],
) -> Result<()> {
    let length = body.len();
    let head = format!(
        "{first_line}\r\n{headers}Content-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    stream.flush()
}

fn line(stream: &mut impl BufRead) -> Result<String> {
    let mut text = String::new();
    stream.take(LINE_BYTES_MAX).read_line(&mut text)?;
    match text.strip_suffix("\r\n") {
        Some(line) => Ok(line.to_owned()),
        None => Err(invalid("a line does not end")),
    }
}

fn invalid(reason: &str) -> Error {
    Error::new(ErrorKind::InvalidData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_message_is_read_back() {
        let mut bytes = Vec::new();
        write(
            &mut bytes,
            "POST /x HTTP/1.1",
            "Authorization: Bearer a.b\r\n",
            b"{}",
        )
        .unwrap();
        let message = read(bytes.as_slice()).unwrap();
        assert_eq!(message.route(), "POST /x");
        assert_eq!(message.bearer.as_deref(), Some("a.b"));
        assert_eq!(message.body, b"{}");
    }

    #[test]
    fn what_has_no_end_or_is_too_long_is_an_error() {
        let long_line = "G".repeat(100_000);
        let long_body = "GET / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n";
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1000));
        for text in [
            "",
            "GET /",
            long_line.as_str(),
            long_body,
            many.as_str(),
            "G\r\nx\r\n\r\n",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{:.40}", text);
        }
    }
}
