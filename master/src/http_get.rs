//! Fetches a page over HTTP or HTTPS, for external pillars.
//!
//! One request on a connection of its own, with a limit on the time of the whole and on the size
//! of the answer. A server of HTTPS must have a certificate that the system trusts. Whoever calls
//! waits: call it where blocking is allowed.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::ssl::{SslConnector, SslMethod};

/// Largest answer. A pillar of that size would not fit into one message to its minion.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Most lines in an answer's head.
const HEADERS_MAX: usize = 128;
/// How often an answer may say "look there": as often as Salt's client follows.
const REDIRECTS_MAX: usize = 5;
/// Where systems keep the certificates they trust: Debian and SUSE, Red Hat, older SUSE, Alpine.
const TRUSTED: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    /// The address.
    pub(crate) url: String,
    /// Further lines of the head.
    pub(crate) headers: Vec<(String, String)>,
    /// A user and a password for Basic authentication.
    pub(crate) login: Option<(String, String)>,
}

/// Gets a page's body. An answer that is no success is an error.
pub(crate) fn get(page: Page, time: Duration) -> Result<Vec<u8>, String> {
    let (ended, end) = mpsc::channel();
    let url = page.url.clone();
    thread::spawn(move || {
        // Nobody listens any more once the time is over.
        let _ = ended.send(follow(page, time));
    });
    end.recv_timeout(time)
        .unwrap_or_else(|_| Err(format!("no answer within {} seconds", time.as_secs())))
        .map_err(|error| format!("{url}: {error}"))
}

fn follow(mut page: Page, time: Duration) -> Result<Vec<u8>, String> {
    for _ in 0..=REDIRECTS_MAX {
        let address = Address::parse(&page.url)?;
        let answer = exchange(&page, &address, time).map_err(|error| error.to_string())?;
        match answer {
            Answer::Body(body) => return Ok(body),
            Answer::Status(status) => return Err(format!("the server answers {status}")),
            Answer::Elsewhere(place) => {
                let next = address.resolve(&place);
                if Address::parse(&next)?.authority() != address.authority() {
                    // A login is for the server it was given for.
                    page.login = None;
                    page.headers.clear();
                }
                page.url = next;
            }
        }
    }
    Err(format!("more than {REDIRECTS_MAX} redirections"))
}

/// The parts of an address.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    is_secure: bool,
    host: String,
    port: u16,
    path: String,
}

impl Address {
    fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url
            .split_once("://")
            .ok_or("not an http or https address")?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            other => return Err(format!("'{other}' is neither http nor https")),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        if authority.contains('@') {
            return Err("give username and password as options, not in the address".to_owned());
        }
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{path}")
        };
        let bracket = authority.find(']').unwrap_or(0);
        let (host, port) = match authority[bracket..].rfind(':') {
            Some(colon) => {
                let (host, port) = authority.split_at(bracket + colon);
                let port = port[1..].parse().map_err(|_| "the port is no number")?;
                (host, port)
            }
            None => (authority, if is_secure { 443 } else { 80 }),
        };
        let is_plain = |text: &str| !text.contains(|c: char| c.is_control() || c == ' ');
        if host.is_empty() || !is_plain(host) || !is_plain(&path) {
            return Err("the address names no host, or holds blanks".to_owned());
        }
        Ok(Self {
            is_secure,
            host: host.to_owned(),
            port,
            path,
        })
    }

    fn authority(&self) -> (bool, &str, u16) {
        (self.is_secure, &self.host, self.port)
    }

    fn resolve(&self, place: &str) -> String {
        if place.contains("://") {
            return place.to_owned();
        }
        let scheme = if self.is_secure { "https" } else { "http" };
        let origin = format!("{scheme}://{}:{}", self.host, self.port);
        match place.strip_prefix("//") {
            Some(rest) => format!("{scheme}://{rest}"),
            None if place.starts_with('/') => format!("{origin}{place}"),
            None => {
                let folder = self.path.rsplit_once('/').map_or("", |(folder, _)| folder);
                format!("{origin}{folder}/{place}")
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Body(Vec<u8>),
    Elsewhere(String),
    Status(String),
}

fn exchange(page: &Page, address: &Address, time: Duration) -> io::Result<Answer> {
    let host = address.host.trim_matches(['[', ']']);
    let stream = connect(host, address.port, time)?;
    stream.set_read_timeout(Some(time))?;
    stream.set_write_timeout(Some(time))?;
    let request = request(page, address);
    if address.is_secure {
        let mut stream = secured(host, stream)?;
        stream.write_all(request.as_bytes())?;
        answer(stream)
    } else {
        let mut stream = stream;
        stream.write_all(request.as_bytes())?;
        answer(stream)
    }
}

fn connect(host: &str, port: u16, time: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::other("the host has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, time) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn secured(host: &str, stream: TcpStream) -> io::Result<openssl::ssl::SslStream<TcpStream>> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    for file in TRUSTED {
        if Path::new(file).exists() {
            builder.set_ca_file(file)?;
            break;
        }
    }
    let connector = builder.build();
    connector
        .connect(host, stream)
        .map_err(|error| io::Error::other(format!("no secure connection: {error}")))
}

fn request(page: &Page, address: &Address) -> String {
    let mut text = format!(
        "GET {} HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\nAccept: */*\r\n",
        address.path, address.host, address.port
    );
    let plain = |text: &str| text.replace(['\r', '\n'], " ");
    if let Some((user, password)) = &page.login {
        let login = STANDARD.encode(format!("{user}:{password}"));
        text.push_str(&format!("Authorization: Basic {login}\r\n"));
    }
    for (name, value) in &page.headers {
        text.push_str(&format!("{}: {}\r\n", plain(name), plain(value)));
    }
    text.push_str("\r\n");
    text
}

fn answer(stream: impl Read) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    let bad = |text: &str| Err(io::Error::new(io::ErrorKind::InvalidData, text));
    match stream.take(ANSWER_BYTES_MAX + 1).read_to_end(&mut bytes) {
        Ok(_) => {}
        // Some servers end a secure connection without a word; a body that is cut short is
        // noticed by its length.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
        Err(error) => return Err(error),
    }
    if bytes.len() as u64 > ANSWER_BYTES_MAX {
        return bad("the answer is larger than 16 MiB");
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let start = match head.parse(&bytes) {
        Ok(httparse::Status::Complete(start)) => start,
        Ok(httparse::Status::Partial) => return bad("the answer is cut short"),
        Err(_) => return bad("the answer is no HTTP"),
    };
    let header = |name: &str| {
        let found = head
            .headers
            .iter()
            .find(|h| h.name.eq_ignore_ascii_case(name));
        found.map(|header| String::from_utf8_lossy(header.value).trim().to_owned())
    };
    let status = head.code.unwrap_or_default();
    match (status, header("location")) {
        (301 | 302 | 303 | 307 | 308, Some(place)) => return Ok(Answer::Elsewhere(place)),
        (200..=299, _) => {}
        _ => {
            let reason = head.reason.unwrap_or_default();
            return Ok(Answer::Status(
                format!("{status} {reason}").trim().to_owned(),
            ));
        }
    }
    let body = &bytes[start..];
    let is_chunked = header("transfer-encoding").is_some_and(|e| e.eq_ignore_ascii_case("chunked"));
    let length = header("content-length").and_then(|length| length.parse::<usize>().ok());
    match (is_chunked, length) {
        (true, _) => match unchunked(body) {
            Some(body) => Ok(Answer::Body(body)),
            None => bad("the answer is cut short"),
        },
        (false, Some(length)) => match body.get(..length) {
            Some(body) => Ok(Answer::Body(body.to_vec())),
            None => bad("the answer is cut short"),
        },
        (false, None) => Ok(Answer::Body(body.to_vec())),
    }
}

/// Puts the pieces of a body together; `None` if the last is missing.
fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let Ok(httparse::Status::Complete((start, length))) = httparse::parse_chunk_size(rest)
        else {
            return None;
        };
        let length = usize::try_from(length).ok()?;
        let end = start.checked_add(length)?;
        body.extend_from_slice(rest.get(start..end)?);
        if length == 0 {
            return Some(body);
        }
        rest = rest.get(end..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let parse = |url: &str| Address::parse(url).map(|a| (a.is_secure, a.host, a.port, a.path));
        let parts = |secure, host: &str, port, path: &str| {
            Ok((secure, host.to_owned(), port, path.to_owned()))
        };
        assert_eq!(parse("http://h/a?b#c"), parts(false, "h", 80, "/a?b"));
        assert_eq!(parse("https://[::1]:8443"), parts(true, "[::1]", 8443, "/"));
        assert_eq!(parse("http://h?x=1"), parts(false, "h", 80, "/?x=1"));
        for bad in [
            "h/a",
            "ftp://h",
            "http://",
            "http://u:p@h/",
            "http://h:x/",
            "http://h/a b",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_answer_is_whole_or_an_error() {
        let whole = |text: &str| answer(text.as_bytes()).map_err(|error| error.to_string());
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na: \r\n1\r\n1\r\n";
        assert_eq!(
            whole(&format!("{chunked}0\r\n\r\n")),
            Ok(Answer::Body(b"a: 1".to_vec()))
        );
        assert!(whole(chunked).is_err());
        assert!(whole("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").is_err());
        assert_eq!(
            whole("HTTP/1.1 404 Not Found\r\n\r\nx"),
            Ok(Answer::Status("404 Not Found".into()))
        );
        assert!(whole("SSH-2.0-x\r\n").is_err());
    }
}
