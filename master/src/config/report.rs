//! What is written in the configuration and does nothing, or not what one may think.
//!
//! Silence would be a promise. Every option that has no effect here is named with what it would
//! have meant, and a name that nobody knows with the one it may have been.

use std::fmt;
use std::path::PathBuf;

use super::opts::OPTIONS;
use super::raw::{Raw, Written};
use super::unsupported;

/// Something an operator should know about the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The option.
    pub option: String,
    /// Where it is written.
    pub file: PathBuf,
    /// The line, from 1, if it could be told.
    pub line: Option<usize>,
    /// What there is to know.
    pub meaning: Meaning,
}

/// What there is to know about an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// Salt knows it, this master does nothing with it; why, or what to do instead.
    Unsupported(&'static str),
    /// Nobody knows it; the known name that is nearest.
    Unknown {
        /// What may have been meant.
        nearest: Option<&'static str>,
    },
    /// It has no value, so that the default counts.
    Empty,
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(formatter, " line {line}")?;
        }
        write!(formatter, ": {}: ", self.option)?;
        match &self.meaning {
            Meaning::Unsupported(why) => write!(formatter, "has no effect: {why}"),
            Meaning::Unknown {
                nearest: Some(nearest),
            } => {
                write!(
                    formatter,
                    "unknown option, ignored; did you mean {nearest}?"
                )
            }
            Meaning::Unknown { nearest: None } => write!(formatter, "unknown option, ignored"),
            Meaning::Empty => write!(formatter, "has no value; the default counts"),
        }
    }
}

/// Gives what there is to know about everything that was written.
pub(super) fn notices(raw: &Raw) -> Vec<Notice> {
    raw.iter()
        .filter_map(|(option, written)| notice(option, written))
        .collect()
}

fn notice(option: &str, written: &Written) -> Option<Notice> {
    let is_option = OPTIONS.iter().any(|known| known.name == option);
    let meaning = if is_option && written.value.is_nil() {
        Meaning::Empty
    } else if is_option || unsupported::is_for_the_reader(option) {
        return None;
    } else if let Some(why) = unsupported::why(option) {
        Meaning::Unsupported(why)
    } else {
        Meaning::Unknown {
            nearest: nearest(option),
        }
    };
    let Written { file, line, .. } = written;
    Some(Notice {
        option: option.to_owned(),
        file: file.clone(),
        line: *line,
        meaning,
    })
}

/// Finds the known name that is at most a third of its letters away.
fn nearest(option: &str) -> Option<&'static str> {
    let known = OPTIONS
        .iter()
        .map(|known| known.name)
        .chain(unsupported::names());
    known
        .map(|name| (distance(option, name), name))
        .filter(|(distance, name)| distance.saturating_mul(3) <= name.len())
        .min()
        .map(|(_, name)| name)
}

/// Counts the letters to insert, remove or change to make one name of the other (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, letter) in left.chars().enumerate() {
        let mut diagonal = index;
        if let Some(first) = row.first_mut() {
            *first = index.saturating_add(1);
        }
        for (at, other) in right.iter().enumerate() {
            let change = diagonal.saturating_add(usize::from(letter != *other));
            let remove = row[at].saturating_add(1);
            diagonal = row[at + 1];
            row[at + 1] = change.min(remove).min(diagonal.saturating_add(1));
        }
    }
    row.last().copied().unwrap_or_default()
}
