//! What the operator's autosign and autoreject files say about a sign-in.
//!
//! The texts are read by the caller; here they are only understood. Grains are claims of a
//! stranger: a list of UUIDs that anyone can know keeps nobody out.

use model::{Glob, Map, MinionId, Value};

/// Says whether a line of an `autosign_file` or `autoreject_file` matches an id: exactly, as a
/// shell glob, or as a regular expression that matches from the start to the end.
pub fn file_matches(text: &str, id: &MinionId) -> bool {
    lines(text).any(|line| {
        line == id.as_str()
            || Glob::new(line).matches(id.as_str())
            || fancy_regex::Regex::new(&format!("^(?:{line})$"))
                .is_ok_and(|regex| regex.is_match(id.as_str()).unwrap_or(false))
    })
}

/// Says which grain, if any, of those that the minion sent has its value on the list of the file
/// that is named after it. `read` gives the text of a file of `autosign_grains_dir`.
pub fn matching_grain(grains: &Map, read: impl Fn(&str) -> Option<String>) -> Option<String> {
    grains.iter().find_map(|(name, value)| {
        let name = name.as_str().filter(|name| is_file_name(name))?;
        let text = read(name)?;
        let value = value.to_text();
        lines(&text)
            .any(|line| line == value)
            .then(|| name.to_owned())
    })
}

/// A grain's name comes from a stranger and becomes a file name: only one plain component is taken.
fn is_file_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', '\0'])
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Gives the grains as the minion sent them, or none.
pub fn sent_grains(value: Option<&Value>) -> Map {
    value.and_then(Value::as_map).cloned().unwrap_or_default()
}
