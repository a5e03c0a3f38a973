//! What a template may use up before it is stopped. Each limit ends in an error, none in a dead
//! process.

use std::cell::Cell;

use super::fault::{Fault, Outcome};

/// Steps of one render: one per expression and statement, and one per 16 bytes of text or a quarter
/// of a list item made. Templates in use need some thousands; this is about one second.
pub(super) const MAX_STEPS: u64 = 8_000_000;

/// The longest text that may exist, in bytes. Larger than any file a minion would get by template.
pub(super) const MAX_TEXT: usize = 16 << 20;

/// The longest list, and the most nodes a value may have when it is printed or handed out.
pub(super) const MAX_ITEMS: usize = 2_000_000;

/// How deep data may be nested where it is walked.
pub(super) const MAX_DATA_DEPTH: usize = 400;

/// How deep statements, expressions and calls may be nested while they run. The stack of the
/// render's thread is made for it.
pub(super) const MAX_RUN_DEPTH: usize = 1_500;

/// The stack of the render's thread, in bytes: an unoptimised build needs up to 24 KiB per level.
pub(super) const STACK: usize = 64 << 20;

/// How deep a template's source may be nested.
pub(super) const MAX_PARSE_DEPTH: usize = 150;

thread_local! {
    static STEPS: Cell<u64> = const { Cell::new(0) };
    static HAS_ROOM: Cell<bool> = const { Cell::new(false) };
}

/// Begins the count for a render on this thread.
pub(super) fn start() {
    STEPS.set(MAX_STEPS);
}

/// Says whether this thread has [`STACK`], all of it for the render that asks.
pub(super) fn has_room() -> bool {
    HAS_ROOM.get()
}

/// Notes whether the next render may use this thread.
pub(super) fn set_room(has_room: bool) {
    HAS_ROOM.set(has_room);
}

/// Takes steps off the account.
pub(super) fn spend(steps: u64) -> Outcome<()> {
    match STEPS.get().checked_sub(steps) {
        Some(left) => {
            STEPS.set(left);
            Ok(())
        }
        None => {
            STEPS.set(0);
            Err(Fault::limit(format!(
                "the template was stopped after {MAX_STEPS} steps"
            )))
        }
    }
}

/// Allows a text of this many bytes to be made.
pub(super) fn text(bytes: usize) -> Outcome<()> {
    if bytes > MAX_TEXT {
        return Err(Fault::limit(format!(
            "a text would be longer than {MAX_TEXT} bytes"
        )));
    }
    spend(bytes as u64 / 16)
}

/// Allows a list of this many items to be made.
pub(super) fn items(count: usize) -> Outcome<()> {
    if count > MAX_ITEMS {
        return Err(too_many_items());
    }
    Ok(())
}

/// Allows a copy of this many items, and takes their cost off the account.
pub(super) fn copied_items(count: usize) -> Outcome<()> {
    items(count)?;
    spend(count as u64 * 4)
}

pub(super) fn too_many_items() -> Box<Fault> {
    Fault::limit(format!("a value would have more than {MAX_ITEMS} items"))
}

/// Allows data to be walked at this depth.
pub(super) fn depth(depth: usize) -> Outcome<()> {
    if depth > MAX_DATA_DEPTH {
        return Err(Fault::limit(format!(
            "data is nested deeper than {MAX_DATA_DEPTH} levels"
        )));
    }
    Ok(())
}
