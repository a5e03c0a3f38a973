//! Streams that outlive their connection: events from a cursor, a run until it ends.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Method, StatusCode};
use model::api::{ErrorBody, RunView};
use model::{Cursor, Map, Tag};

use super::sse::{Frame, Parser};
use super::{Client, Error, percent_encoded};

/// Between two attempts to reach a master that went away: short beside its own start.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// Attempts before giving up: ten minutes, longer than a host takes to boot again.
const RETRIES_MAX: u32 = 1200;

/// What a stream gives.
#[derive(Debug)]
pub(crate) enum Item<T> {
    /// The next thing.
    Next(T),
    /// The connection broke; the stream tries to come back by itself.
    Lost(Error),
    /// The connection is there again, and nothing was missed.
    Back,
    /// There will be no more.
    End,
}

/// One event as the API sends it.
#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct StreamedEvent {
    /// Where it stands in the log.
    pub(crate) cursor: Cursor,
    /// Its tag.
    pub(crate) tag: Tag,
    /// Its payload with `_stamp`.
    pub(crate) data: Map,
}

/// Events, in log order, from a cursor on.
#[derive(Debug)]
pub(crate) struct EventStream {
    pipe: Pipe,
    after: Option<Cursor>,
    tags: Vec<String>,
}

impl EventStream {
    pub(super) fn new(client: Client, after: Option<Cursor>, tags: Vec<String>) -> Self {
        Self {
            pipe: Pipe::new(client),
            after,
            tags,
        }
    }

    /// Waits for the next event. May be dropped and called again without loss.
    pub(crate) async fn next(&mut self) -> Result<Item<StreamedEvent>, Error> {
        let path = self.path();
        match self.pipe.next(&path).await? {
            Item::Next(frame) if frame.event == "error" => Err(ended_early(&path, &frame)),
            Item::Next(frame) => {
                let event: StreamedEvent = serde_json::from_str(&frame.data)
                    .map_err(|cause| Error::unreadable(&path, cause))?;
                self.after = Some(event.cursor);
                Ok(Item::Next(event))
            }
            Item::Lost(error) => Ok(Item::Lost(error)),
            Item::Back => Ok(Item::Back),
            Item::End => Ok(Item::End),
        }
    }

    fn path(&self) -> String {
        let mut query: Vec<String> = self
            .tags
            .iter()
            .map(|tag| format!("tag={}", percent_encoded(tag)))
            .collect();
        query.extend(self.after.map(|after| format!("after={after}")));
        format!("/events?{}", query.join("&"))
    }
}

/// Reads the frame that ends a stream before its time: what the reader wants is forgotten, or
/// cannot be read. Asking again would give the same.
fn ended_early(path: &str, frame: &Frame) -> Error {
    #[derive(serde::Deserialize)]
    struct Body {
        error: String,
        #[serde(default)]
        oldest: Option<Cursor>,
    }
    let Ok(body) = serde_json::from_str::<Body>(&frame.data) else {
        return Error::unreadable(path, "the stream ended with an error that says nothing");
    };
    let hint = body.oldest.map(|oldest| {
        format!(
            "the oldest cursor one can read after is {oldest}; option keep_jobs_seconds says how \
             long events are kept"
        )
    });
    Error::Refused {
        status: StatusCode::GONE,
        said: ErrorBody {
            error: body.error,
            hint,
        },
    }
}

/// A run as it changes.
#[derive(Debug)]
pub(crate) struct RunStream {
    pipe: Pipe,
    path: String,
}

impl RunStream {
    pub(super) fn new(client: Client, run: &str) -> Self {
        Self {
            pipe: Pipe::new(client),
            path: format!("/runs/{}/watch", percent_encoded(run)),
        }
    }

    /// Waits for the next change. May be dropped and called again without loss.
    pub(crate) async fn next(&mut self) -> Result<Item<Box<RunView>>, Error> {
        match self.pipe.next(&self.path).await? {
            Item::Next(frame) if frame.event == "end" => Ok(Item::End),
            Item::Next(frame) if frame.event == "error" => Err(ended_early(&self.path, &frame)),
            Item::Next(frame) => {
                let view = serde_json::from_str(&frame.data)
                    .map_err(|cause| Error::unreadable(&self.path, cause))?;
                Ok(Item::Next(Box::new(view)))
            }
            Item::Lost(error) => Ok(Item::Lost(error)),
            Item::Back => Ok(Item::Back),
            Item::End => Ok(Item::End),
        }
    }
}

/// The connection below a stream.
#[derive(Debug)]
struct Pipe {
    client: Client,
    body: Option<Incoming>,
    parser: Parser,
    ready: VecDeque<Frame>,
    failures: u32,
    was_connected: bool,
    needs_pause: bool,
}

impl Pipe {
    fn new(client: Client) -> Self {
        Self {
            client,
            body: None,
            parser: Parser::default(),
            ready: VecDeque::new(),
            failures: 0,
            was_connected: false,
            needs_pause: false,
        }
    }

    async fn next(&mut self, path: &str) -> Result<Item<Frame>, Error> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Ok(Item::Next(frame));
            }
            let Some(body) = &mut self.body else {
                match self.connect(path).await? {
                    Some(item) => return Ok(item),
                    None => continue,
                }
            };
            let cause = match body.frame().await {
                Some(Ok(frame)) => {
                    let bytes = frame.into_data().unwrap_or_default();
                    let frames = self.parser.push(&bytes);
                    let frames = frames
                        .map_err(|_| Error::unreadable(path, "an event beyond every limit"))?;
                    self.ready.extend(frames);
                    continue;
                }
                Some(Err(cause)) => cause.to_string(),
                None => "the stream ended".to_owned(),
            };
            self.body = None;
            self.parser = Parser::default();
            return Ok(Item::Lost(Error::broken(path, &cause)));
        }
    }

    /// Connects; `None` is "go on", an item is something that the caller should hear of.
    async fn connect(&mut self, path: &str) -> Result<Option<Item<Frame>>, Error> {
        if self.needs_pause {
            tokio::time::sleep(RETRY_PAUSE).await;
            self.needs_pause = false;
        }
        match self.client.send(Method::GET, path, Bytes::new()).await {
            Ok(response) => {
                self.body = Some(response.into_body());
                self.failures = 0;
                let was_connected = std::mem::replace(&mut self.was_connected, true);
                Ok(was_connected.then_some(Item::Back))
            }
            Err(error) if error.is_passing() && self.failures < RETRIES_MAX => {
                // The first connection of all is not waited for: no master runs.
                if !self.was_connected {
                    return Err(error);
                }
                self.failures += 1;
                self.needs_pause = true;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
