//! `GET /events`: the bus as server-sent events, from a cursor.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::sse::{Event as Sse, KeepAlive, Sse as Stream};
use model::{Cursor, Event, TagGlob, Value};
use serde_json::json;

use super::refusal::Refusal;
use crate::event_bus::{Filter, LookBackError, Subscription};
use crate::shared::Shared;
use crate::stream::from_fn;

/// A comment line this often shows a silent stream to be alive.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(15);

/// Streams events. `after` is a cursor (the live end, if absent); `tag` is a glob and may stand
/// several times. A cursor that is older than the log is refused (410). A stream whose place is
/// forgotten while it is read ends with an event `error`: nothing is left out in silence.
pub(super) async fn stream(
    State(shared): State<Arc<Shared>>,
    RawQuery(query): RawQuery,
) -> Result<Stream<impl futures_core::Stream<Item = Result<Sse, Infallible>>>, Refusal> {
    let (after, filter) = read_query(query.as_deref().unwrap_or_default())?;
    let head = shared.ledger.head();
    let after = after.unwrap_or(*head.borrow());
    let subscription = Subscription::new(Arc::clone(&shared.reader), head, after, filter);
    subscription.check()?;
    let start = (subscription, Vec::new().into_iter(), false);
    let events = from_fn(start, |state| async move {
        let (mut subscription, mut waiting, is_over) = state;
        if is_over {
            return None;
        }
        loop {
            if let Some(event) = waiting.next() {
                return Some((Ok(sse(&event)), (subscription, waiting, false)));
            }
            match subscription.next().await {
                Ok(Some(events)) => waiting = events.into_iter(),
                Ok(None) => return None,
                Err(error) => {
                    tracing::error!(%error, "an event stream ends early");
                    return Some((Ok(sse_error(&error)), (subscription, waiting, true)));
                }
            }
        }
    });
    Ok(Stream::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}

fn sse_error(error: &LookBackError) -> Sse {
    let body = json!({ "error": error.to_string(), "oldest": error.oldest() });
    Sse::default().event("error").data(body.to_string())
}

fn sse(event: &Event) -> Sse {
    let data = Value::Map(event.data_with_stamp());
    let body = json!({ "cursor": event.cursor, "tag": event.tag, "data": data });
    Sse::default()
        .id(event.cursor.to_string())
        .data(body.to_string())
}

fn read_query(query: &str) -> Result<(Option<Cursor>, Filter), Refusal> {
    let mut after = None;
    let mut globs = Vec::new();
    for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
        let value = percent_decode(value);
        match name {
            "after" => {
                let cursor = value.parse().map_err(|_| {
                    Refusal::Bad(format!("after={value}: a cursor is a whole number"))
                })?;
                after = Some(Cursor(cursor));
            }
            "tag" => globs.push(TagGlob::new(&value)),
            _ => {}
        }
    }
    Ok((after, Filter(globs)))
}

fn percent_decode(text: &str) -> String {
    let text = text.replace('+', " ");
    percent_encoding::percent_decode_str(&text)
        .decode_utf8_lossy()
        .into_owned()
}
