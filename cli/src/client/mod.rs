//! The API over the master's local socket: one request at a time, and streams that survive a
//! restart of it.
//!
//! A question is asked once. A stream (events, a watched run) is asked again from its last cursor
//! when the connection breaks, so nothing is missed; the caller hears of it as [`Item::Lost`] and
//! [`Item::Back`].

mod config_file;
mod error;
mod socket;
mod sse;
mod stream;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use model::api::ErrorBody;
use model::lowstate::{Client as Which, LowChunk};
use model::{Cursor, Map, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

pub(crate) use config_file::MasterFile;
pub(crate) use error::Error;
pub(crate) use socket::socket_path;
pub(crate) use stream::{EventStream, Item, RunStream};

/// A client of one master.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    socket: PathBuf,
}

/// What `GET /health` says.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct Health {
    /// The master's version.
    pub(crate) version: String,
    /// Its process.
    pub(crate) pid: u32,
    /// The end of its log.
    #[serde(default, alias = "cursor", alias = "head_cursor")]
    pub(crate) head: Option<Cursor>,
    /// Where it read its configuration.
    #[serde(default)]
    pub(crate) config_dir: Option<String>,
    /// How often peers were refused, by kind.
    #[serde(default)]
    pub(crate) refused: std::collections::BTreeMap<String, u64>,
}

impl Client {
    /// Makes a client; connects only when asked something.
    pub(crate) fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Gives the socket's path.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// Asks for a resource.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let response = self.send(Method::GET, path, Bytes::new()).await?;
        read_json(path, response).await
    }

    /// Sends a body and reads the answer.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let body = serde_json::to_vec(body).map_err(|cause| Error::unreadable(path, cause))?;
        let response = self.send(Method::POST, path, body.into()).await?;
        read_json(path, response).await
    }

    /// Runs one low chunk.
    pub(crate) async fn run<T: DeserializeOwned>(&self, chunk: &LowChunk) -> Result<T, Error> {
        self.post("/run", chunk).await
    }

    /// Calls a wheel function.
    pub(crate) async fn wheel(&self, fun: &str, kwarg: Map) -> Result<Value, Error> {
        let chunk = LowChunk {
            client: Which::Wheel,
            tgt: Value::Nil,
            tgt_type: "glob".into(),
            fun: fun.into(),
            arg: Vec::new(),
            kwarg,
            ret: String::new(),
            user: crate::program::user(),
        };
        self.run(&chunk).await
    }

    /// Asks how the master is.
    pub(crate) async fn health(&self) -> Result<Health, Error> {
        self.get("/health").await
    }

    /// Reads events from after a place in the log; tags are globs.
    pub(crate) fn events(&self, after: Option<Cursor>, tags: Vec<String>) -> EventStream {
        EventStream::new(self.clone(), after, tags)
    }

    /// Watches a run until it ends.
    pub(crate) fn watch(&self, run: &str) -> RunStream {
        RunStream::new(self.clone(), run)
    }

    /// Sends a request on a connection of its own; an answer that is no success is an error.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Error> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|cause| Error::Away {
                socket: self.socket.clone(),
                cause,
            })?;
        let broken = |cause: hyper::Error| Error::broken(path, &cause);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        // Ends with the response; what goes wrong there shows up in the response too.
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(|cause| Error::unreadable(path, cause))?;
        let response = sender.send_request(request).await.map_err(broken)?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(refusal(path, response).await)
    }
}

async fn read_json<T: DeserializeOwned>(
    path: &str,
    response: Response<Incoming>,
) -> Result<T, Error> {
    let collected = response.into_body().collect().await;
    let body = collected
        .map_err(|cause| Error::broken(path, &cause))?
        .to_bytes();
    serde_json::from_slice(&body).map_err(|cause| Error::unreadable(path, cause))
}

async fn refusal(path: &str, response: Response<Incoming>) -> Error {
    let status: StatusCode = response.status();
    let body = match response.into_body().collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(cause) => return Error::broken(path, &cause),
    };
    let said = serde_json::from_slice::<ErrorBody>(&body).unwrap_or_else(|_| ErrorBody {
        error: format!("{path}: the master answered {status}"),
        hint: None,
    });
    Error::Refused { status, said }
}

/// Makes text safe inside a path or a query.
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
