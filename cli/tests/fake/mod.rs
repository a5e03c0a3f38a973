//! A master's API that answers from a script and writes down what it was asked.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cli::Terminal;
use hyper::body::Frame;
use serde_json::Value;

/// What the fake answers. Several streams of one path are given one after the other, the last one
/// for ever.
#[derive(Default)]
pub(crate) struct Script {
    answers: HashMap<String, (StatusCode, Value)>,
    streams: HashMap<String, Vec<Stream>>,
}

#[derive(Clone)]
struct Stream {
    items: Vec<Value>,
    is_cut: bool,
    /// The frame that ends it.
    error: Option<Value>,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn answer(self, what: &str, body: Value) -> Self {
        self.refuse(what, StatusCode::OK, body)
    }

    pub(crate) fn refuse(mut self, what: &str, status: StatusCode, body: Value) -> Self {
        self.answers.insert(what.to_owned(), (status, body));
        self
    }

    pub(crate) fn events(self, path: &str, items: Vec<Value>) -> Self {
        self.stream(path, items, false)
    }

    pub(crate) fn events_then_cut(self, path: &str, items: Vec<Value>) -> Self {
        self.stream(path, items, true)
    }

    /// A stream that says at once why it cannot go on.
    pub(crate) fn error(mut self, path: &str, error: Value) -> Self {
        let streams = self.streams.entry(path.to_owned()).or_default();
        streams.push(Stream {
            items: Vec::new(),
            is_cut: true,
            error: Some(error),
        });
        self
    }

    fn stream(mut self, path: &str, items: Vec<Value>, is_cut: bool) -> Self {
        let streams = self.streams.entry(path.to_owned()).or_default();
        streams.push(Stream {
            items,
            is_cut,
            error: None,
        });
        self
    }
}

struct Served {
    script: Mutex<Script>,
    asked: Mutex<Vec<String>>,
}

/// A running fake, or an absent master.
pub(crate) struct Fake {
    directory: tempfile::TempDir,
    served: Option<Arc<Served>>,
    _runtime: Option<tokio::runtime::Runtime>,
}

impl Fake {
    pub(crate) fn absent() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            served: None,
            _runtime: None,
        }
    }

    pub(crate) fn start(script: Script) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let served = Arc::new(Served {
            script: Mutex::new(script),
            asked: Mutex::new(Vec::new()),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = {
            let _entered = runtime.enter();
            tokio::net::UnixListener::bind(directory.path().join("brine.sock")).unwrap()
        };
        let router = Router::new().fallback(serve).with_state(served.clone());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self {
            directory,
            served: Some(served),
            _runtime: Some(runtime),
        }
    }

    /// Runs command lines and compares all of it with the golden file.
    pub(crate) fn transcript(&self, name: &str, lines: &[&str]) {
        let mut text = String::new();
        for line in lines {
            text.push_str(&self.play(line));
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("testdata/transcripts")
            .join(format!("{name}.txt"));
        if std::env::var_os("BRINE_RENEW").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, golden, "{name} printed:\n{text}");
    }

    fn play(&self, line: &str) -> String {
        let (input, command) = match line.split_once(" | ") {
            Some((echo, command)) => (echo.trim_start_matches("echo").trim_start(), command),
            None => ("", line),
        };
        let input = if command == line {
            String::new()
        } else {
            format!("{input}\n")
        };
        let mut words = split(command);
        words.insert(1, format!("--socket={}", self.socket().display()));
        words.insert(
            1,
            format!("--config-dir={}", self.directory.path().display()),
        );
        let (out, err) = (Buffer::default(), Buffer::default());
        let code = {
            let (out, err) = (out.clone(), err.clone());
            let run = move || {
                let mut terminal = Terminal::over(out, err, Cursor::new(input));
                let args: Vec<OsString> = words.iter().map(Into::into).collect();
                match words[0].as_str() {
                    "salt" => cli::salt::run(args, &mut terminal),
                    "salt-run" | "brine run" => cli::salt_run::run(args, &mut terminal),
                    "salt-key" => cli::salt_key::run(args, &mut terminal),
                    _ => cli::doctor::run(args, &mut terminal),
                }
            };
            std::thread::spawn(run).join().unwrap()
        };
        let mut text = format!("$ {line}\n");
        let mut asked = self.asked();
        // Whether the end of a stream is seen before its connection closes is chance; if not, the
        // stream is asked for once more.
        asked.dedup();
        for asked in asked {
            text.push_str(&format!("> {asked}\n"));
        }
        text.push_str(&out.text());
        for line in err.text().lines() {
            text.push_str(&format!("! {line}\n"));
        }
        text.push_str(&format!("[{code}]\n\n"));
        text.replace(&self.directory.path().display().to_string(), "DIR")
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("brine.sock")
    }

    fn asked(&self) -> Vec<String> {
        let served = self.served.as_ref();
        served.map_or_else(Vec::new, |served| {
            std::mem::take(&mut *served.asked.lock().unwrap())
        })
    }
}

async fn serve(State(served): State<Arc<Served>>, request: Request) -> Response {
    let what = format!("{} {}", request.method(), request.uri().path());
    let mut asked = format!("{} {}", request.method(), request.uri());
    let path = request.uri().path().to_owned();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await;
    asked.push_str(&masked(&body.unwrap_or_default()));
    served.asked.lock().unwrap().push(asked);
    let mut script = served.script.lock().unwrap();
    if let Some(streams) = script.streams.get_mut(&path) {
        let stream = if streams.len() > 1 {
            streams.remove(0)
        } else {
            streams[0].clone()
        };
        return stream.into_response();
    }
    match script.answers.get(&what) {
        Some((status, body)) => (*status, body.to_string()).into_response(),
        None => (StatusCode::NOT_FOUND, r#"{"error":"not in the script"}"#).into_response(),
    }
}

/// Shows a body without what differs from one machine to the next.
fn masked(body: &Bytes) -> String {
    let Ok(mut body) = serde_json::from_slice::<Value>(body) else {
        return String::new();
    };
    if let Some(body) = body.as_object_mut() {
        body.retain(|_, value| !value.is_null() && *value != Value::String(String::new()));
        for name in ["user", "by"] {
            if let Some(value) = body.get_mut(name) {
                *value = Value::String("me".into());
            }
        }
    }
    format!(" {body}")
}

impl IntoResponse for Stream {
    fn into_response(self) -> Response {
        let mut text = String::from(": beat\n\n");
        for item in &self.items {
            text.push_str(&format!("data: {item}\n\n"));
        }
        if let Some(error) = &self.error {
            text.push_str(&format!("event: error\ndata: {error}\n\n"));
        }
        let first = Bytes::from(text);
        let is_cut = self.is_cut;
        Response::new(Body::new(Chunks {
            first: Some(first),
            is_cut,
        }))
    }
}

/// A body that stays open after its text, or breaks off.
struct Chunks {
    first: Option<Bytes>,
    is_cut: bool,
}

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match self.first.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None if self.is_cut => Poll::Ready(None),
            // Nobody wakes this: the stream stays open and silent.
            None => Poll::Pending,
        }
    }
}

/// What the program printed.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Splits as a shell does, as far as these transcripts need it.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = None::<String>;
    let mut is_quoted = false;
    for character in line.chars() {
        match character {
            '\'' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            ' ' if !is_quoted => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}
