//! What the operator's autosign and autoreject files say about a sign-in.
//!
//! The texts are read by the caller; here they are only understood. Grains are claims of a
//! stranger: a list of UUIDs that anyone can know keeps nobody out.

use model::{Glob, Map, MinionId, Value};

use crate::enrolment::Listed;
use crate::enrolment::published::is_published;

/// Says whether a line of an `autosign_file` or `autoreject_file` matches an id: exactly, as a
/// shell glob, or as a regular expression between `\A` and `\Z`. As in Salt these bind to the first
/// and last branch only: `web|db` also matches `web01`.
pub fn file_matches(text: &str, id: &MinionId) -> bool {
    lines(text).any(|line| {
        line == id.as_str()
            || Glob::new(line).matches(id.as_str())
            || fancy_regex::Regex::new(&format!("\\A(?:\\A{line}\\z)"))
                .is_ok_and(|regex| regex.is_match(id.as_str()).unwrap_or(false))
    })
}

/// Says which grain, if any, of those that the minion sent has its value on the list of the file
/// that is named after it. `read` gives the text of a file of `autosign_grains_dir`. Published
/// values count in a laboratory only.
pub fn matching_grain(
    grains: &Map,
    is_lab: bool,
    read: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    grains.iter().find_map(|(name, value)| {
        let name = name.as_str().filter(|name| is_file_name(name))?;
        let text = read(name)?;
        // Salt compares text with the value as it came: a number is on no list.
        let value = value.as_str()?;
        let is_listed = lines(&text).any(|line| line == value);
        (is_listed && (is_lab || !is_published(value))).then(|| name.to_owned())
    })
}

/// Says what one file of `autosign_grains_dir` says about a stranger. A file that cannot be
/// believed (`text` is `None`) lists nobody.
pub fn listed(list: &str, text: Option<&str>, grains: &Map, is_shared: bool) -> Listed {
    let sent = grains.get(list).map(Value::to_text);
    let is_listed = sent.as_ref().is_some_and(|sent| {
        let is_it = |line: &str| line.eq_ignore_ascii_case(sent);
        text.is_some_and(|text| lines(text).any(is_it))
    });
    Listed {
        list: list.to_owned(),
        sent,
        is_listed,
        is_shared,
    }
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
