//! Asks a server over HTTP or HTTPS, for external pillars and for `http.query`.
//!
//! One request on a connection of its own, with a limit on the time of the whole and on the size
//! of the answer. A server of HTTPS must have a certificate that the system trusts, or the
//! authorities of `ca_bundle`. Whoever calls waits: call it where blocking is allowed.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use openssl::x509::store::X509StoreBuilder;

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
    /// The method; empty is GET.
    pub(crate) method: String,
    /// What is sent along.
    pub(crate) body: Vec<u8>,
    /// Whose certificates count.
    pub(crate) trust: Trust,
}

/// Whose certificates count.
#[derive(Debug, Clone, Default)]
pub(crate) enum Trust {
    /// Those of the authorities that the system trusts.
    #[default]
    System,
    /// Those of the authorities in this file, and no others.
    Bundle(PathBuf),
    /// Anybody's (`verify_ssl: False`).
    Anybody,
}

impl Trust {
    /// Reads the option `ca_bundle`.
    pub(crate) fn of(ca_bundle: Option<&String>) -> Self {
        ca_bundle.map_or(Self::System, |file| Self::Bundle(file.into()))
    }
}

/// What a server answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The status, such as 200.
    pub(crate) status: u16,
    /// The words beside it.
    pub(crate) reason: String,
    /// The content.
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Says whether the server calls it a success.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Gets a page's body. An answer that is no success is an error.
pub(crate) fn get(page: Page, time: Duration) -> Result<Vec<u8>, String> {
    let url = page.url.clone();
    let told = |error: String| format!("{url}: {error}");
    let reply = ask(page, time).map_err(told)?;
    if reply.is_success() {
        return Ok(reply.body);
    }
    let status = format!("{} {}", reply.status, reply.reason);
    Err(told(format!("the server answers {}", status.trim())))
}

/// Asks and gives the answer, whatever the server calls it.
pub(crate) fn ask(page: Page, time: Duration) -> Result<Reply, String> {
    let (ended, end) = mpsc::channel();
    thread::spawn(move || {
        // Nobody listens any more once the time is over.
        let _ = ended.send(follow(page, time));
    });
    end.recv_timeout(time)
        .unwrap_or_else(|_| Err(format!("no answer within {} seconds", time.as_secs())))
}

fn follow(mut page: Page, time: Duration) -> Result<Reply, String> {
    for _ in 0..=REDIRECTS_MAX {
        let address = Address::parse(&page.url)?;
        let answer = exchange(&page, &address, time).map_err(|error| error.to_string())?;
        match answer {
            Answer::Here(reply) => return Ok(reply),
            Answer::Elsewhere(status, place) => {
                if status == 303 || (status < 304 && page.method == "POST") {
                    page.method.clear();
                    page.body.clear();
                }
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
    Here(Reply),
    Elsewhere(u16, String),
}

fn exchange(page: &Page, address: &Address, time: Duration) -> io::Result<Answer> {
    let host = address.host.trim_matches(['[', ']']);
    let stream = connect(host, address.port, time)?;
    stream.set_read_timeout(Some(time))?;
    stream.set_write_timeout(Some(time))?;
    let request = request(page, address);
    let is_bodiless = page.method == "HEAD";
    if address.is_secure {
        let mut stream = secured(host, stream, &page.trust)?;
        stream.write_all(&request)?;
        answer(stream, is_bodiless)
    } else {
        let mut stream = stream;
        stream.write_all(&request)?;
        answer(stream, is_bodiless)
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

fn secured(
    host: &str,
    stream: TcpStream,
    trust: &Trust,
) -> io::Result<openssl::ssl::SslStream<TcpStream>> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    match trust {
        Trust::System => {
            // Besides where OpenSSL was told to look: it may be built for another system.
            if let Some(file) = TRUSTED.iter().find(|file| Path::new(file).exists()) {
                builder.set_ca_file(file)?;
            }
        }
        Trust::Bundle(file) => {
            builder.set_cert_store(X509StoreBuilder::new()?.build());
            builder.set_ca_file(file).map_err(|error| {
                let file = file.display();
                io::Error::other(format!("cannot read the certificates of {file}: {error}"))
            })?;
        }
        Trust::Anybody => builder.set_verify(SslVerifyMode::NONE),
    }
    let mut configuration = builder.build().configure()?;
    if matches!(trust, Trust::Anybody) {
        configuration.set_verify_hostname(false);
    }
    configuration
        .connect(host, stream)
        .map_err(|error| io::Error::other(format!("no secure connection: {error}")))
}

fn request(page: &Page, address: &Address) -> Vec<u8> {
    let plain = |text: &str| text.replace(['\r', '\n'], " ");
    let method = match page.method.as_str() {
        "" => "GET".to_owned(),
        method => plain(method).replace(' ', ""),
    };
    let mut text = format!(
        "{method} {} HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\nAccept: */*\r\n",
        address.path, address.host, address.port
    );
    if let Some((user, password)) = &page.login {
        let login = STANDARD.encode(format!("{user}:{password}"));
        text.push_str(&format!("Authorization: Basic {login}\r\n"));
    }
    for (name, value) in &page.headers {
        text.push_str(&format!("{}: {}\r\n", plain(name), plain(value)));
    }
    if !page.body.is_empty() || !matches!(method.as_str(), "GET" | "HEAD") {
        text.push_str(&format!("Content-Length: {}\r\n", page.body.len()));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(&page.body);
    bytes
}

fn answer(stream: impl Read, is_bodiless: bool) -> io::Result<Answer> {
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
    if let (301 | 302 | 303 | 307 | 308, Some(place)) = (status, header("location")) {
        return Ok(Answer::Elsewhere(status, place));
    }
    let reason = head.reason.unwrap_or_default().to_owned();
    let body = &bytes[start..];
    let is_chunked = header("transfer-encoding").is_some_and(|e| e.eq_ignore_ascii_case("chunked"));
    let length = header("content-length").and_then(|length| length.parse::<usize>().ok());
    let body = match (is_chunked, length) {
        // These have none, whatever their head says.
        _ if is_bodiless || matches!(status, 204 | 304) => Some(Vec::new()),
        (true, _) => unchunked(body),
        (false, Some(length)) => body.get(..length).map(<[u8]>::to_vec),
        (false, None) => Some(body.to_vec()),
    };
    let Some(body) = body else {
        return bad("the answer is cut short");
    };
    Ok(Answer::Here(Reply {
        status,
        reason,
        body,
    }))
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
#[path = "http_client_tests.rs"]
mod tests;
