//! What `salt-key -L` says beside its lists: why a key waits, and what was denied. On the error
//! stream, so that the lists stay as Salt prints them.

use model::Map;
use model::api::{EnrolmentView, KeyList};

use crate::client::Client;
use crate::terminal::Terminal;

/// Notes that are printed; more are counted.
const NOTES_MAX: usize = 20;

/// Asks for enrolment; `None` if this master cannot say.
pub(crate) async fn enrolment(client: &Client) -> Option<EnrolmentView> {
    let answer = client.wheel("enrol.list", Map::new()).await.ok()?;
    let json = serde_json::to_value(answer).ok()?;
    serde_json::from_value(json).ok()
}

/// Tells why keys of the listed sections wait or were denied.
pub(crate) async fn tell(client: &Client, keys: &KeyList, which: &str, terminal: &mut Terminal) {
    let is_about = |start: &str| which.starts_with("al") || which.starts_with(start);
    let waits = (is_about("pr") || is_about("un")) && !keys.minions_pre.is_empty();
    let denied = is_about("de") && !keys.minions_denied.is_empty();
    if !waits && !denied {
        return;
    }
    let Some(view) = enrolment(client).await else {
        return;
    };
    let mut notes = Vec::new();
    if waits {
        notes.extend(waiting_notes(&view));
    }
    if denied {
        notes.extend(alarm_notes(&view));
    }
    tell_some(&notes, terminal);
}

/// Prints notes on the error stream, the first ones only.
pub(crate) fn tell_some(notes: &[String], terminal: &mut Terminal) {
    for note in notes.iter().take(NOTES_MAX) {
        terminal.complain(note);
    }
    if let Some(more) = notes.len().checked_sub(NOTES_MAX).filter(|more| *more > 0) {
        terminal.complain(&format!("{more} more; see `brine enrol list`"));
    }
}

/// Says of each waiting key which clause failed.
pub(crate) fn waiting_notes(view: &EnrolmentView) -> Vec<String> {
    let note = |waiting: &model::api::WaitingView| {
        format!(
            "{} waits (from {}): {}",
            waiting.id,
            waiting.from,
            waiting.failed.join("; ")
        )
    };
    view.waiting.iter().map(note).collect()
}

/// Says of each alarm what happened.
pub(crate) fn alarm_notes(view: &EnrolmentView) -> Vec<String> {
    let note = |alarm: &model::api::AlarmView| {
        let what = match alarm.kind.as_str() {
            "downgraded" => "came with an older protocol",
            _ => "has a second key, denied",
        };
        format!(
            "{} {what} (last {} from {}): {}",
            alarm.id,
            alarm.at.clock(),
            alarm.from,
            alarm.failed.join("; ")
        )
    };
    view.alarms.iter().map(note).collect()
}

/// Says whether a text is a fingerprint: 32 pairs of hexadecimal digits.
pub(crate) fn is_fingerprint(text: &str) -> bool {
    let pairs: Vec<&str> = text.split(':').collect();
    let is_pair = |pair: &&str| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit());
    pairs.len() == 32 && pairs.iter().all(is_pair)
}
