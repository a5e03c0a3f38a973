//! The master's API from the outside: plain HTTP over its socket, with nothing of our own client.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::wait::PATIENCE;

/// A client.
#[derive(Debug, Clone)]
pub struct Api {
    socket: PathBuf,
}

impl Api {
    /// Makes a client of the master behind a socket file.
    pub fn new(socket: &Path) -> Self {
        Self {
            socket: socket.to_owned(),
        }
    }

    /// Gets a document: the status and the body.
    ///
    /// # Errors
    /// The master does not answer.
    pub fn try_get(&self, path: &str) -> io::Result<(u16, Value)> {
        self.ask("GET", path, None)
    }

    /// Gets a document.
    ///
    /// # Panics
    /// The master does not answer, or refuses.
    pub fn get(&self, path: &str) -> Value {
        let (status, body) = self.try_get(path).expect("the master answers");
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }

    /// Posts a document: the status and the body.
    ///
    /// # Errors
    /// The master does not answer.
    pub fn try_post(&self, path: &str, body: &Value) -> io::Result<(u16, Value)> {
        self.ask("POST", path, Some(body))
    }

    /// Posts a document.
    ///
    /// # Panics
    /// The master does not answer, or refuses.
    pub fn post(&self, path: &str, body: &Value) -> Value {
        let (status, body) = self.try_post(path, body).expect("the master answers");
        assert_eq!(status, 200, "POST {path}: {body}");
        body
    }

    /// Gives the events after a cursor whose tags match a glob, up to the first that `is_last`.
    ///
    /// # Panics
    /// The stream ends before it.
    pub fn events_up_to(
        &self,
        after: u64,
        tag: &str,
        is_last: impl Fn(&Value) -> bool,
    ) -> Vec<Value> {
        let path = format!("/events?after={after}&tag={}", tag.replace('/', "%2F"));
        let mut reader = self.open("GET", &path, None).expect("the master answers");
        let mut events = Vec::new();
        let mut line = String::new();
        while reader.read_line(&mut line).expect("a stream of events") > 0 {
            if let Some(data) = line.trim_end().strip_prefix("data: ") {
                let event: Value = serde_json::from_str(data).expect("an event in JSON");
                let has_ended = is_last(&event);
                events.push(event);
                if has_ended {
                    return events;
                }
            }
            line.clear();
        }
        panic!("the events ended before the one that was waited for: {events:?}");
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> io::Result<(u16, Value)> {
        let mut reader = self.open(method, path, body)?;
        let mut answer = Vec::new();
        reader.read_to_end(&mut answer)?;
        let text = String::from_utf8_lossy(&answer);
        let (head, body) = text
            .split_once("\r\n\r\n")
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or(io::ErrorKind::InvalidData)?;
        let body = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()));
        Ok((status, body))
    }

    fn open(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> io::Result<BufReader<UnixStream>> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let body = body.map(Value::to_string).unwrap_or_default();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )?;
        Ok(BufReader::new(stream))
    }
}
