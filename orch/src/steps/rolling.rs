//! `batch`, `max_parallel` and `serial`: a job that goes to so many minions at once.
//!
//! The target is resolved once; each part is a job of its own, addressed to a list, and on record
//! before it is sent. `batch` is Salt's and `max_parallel` the same: whenever one minion ends, the
//! next one follows. With `serial` the next part begins when the one before is over and nobody in
//! it failed.

use model::api::MinionPhase;
use model::{MinionId, Value};
use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::attempt::Attempt;

use super::rebooting::Rebooting;

/// How a job rolls over its minions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rolling {
    /// How many at once.
    pub size: Size,
    /// Whether a part must be over before the next begins.
    #[serde(default)]
    pub by_wave: bool,
    /// Whether a failed minion keeps the others from beginning, whatever `failhard` says.
    #[serde(default)]
    pub stops: bool,
}

/// How many minions at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// So many.
    Count(u64),
    /// So many millionths of a percent of all.
    Percent(u64),
}

impl Size {
    /// Reads Salt's forms: `3`, `"3"`, `10%`, `%10`.
    fn parse(value: &Value) -> Option<Self> {
        let text = value.to_text();
        let text = text.trim();
        let number = text.trim_matches('%').trim();
        if number.len() == text.len() {
            let count: u64 = text.parse().ok()?;
            return (count > 0).then_some(Self::Count(count));
        }
        let percent: f64 = number.parse().ok()?;
        let is_sane = percent > 0.0 && percent <= 1000.0;
        is_sane.then(|| Self::Percent((percent * 1e6).round() as u64))
    }

    /// Gives how many of `all` minions that are; at least one. Parts are cut off, as in Salt.
    pub(crate) fn of(self, all: usize) -> usize {
        match self {
            Self::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
            Self::Percent(millionths) => {
                let part = u128::from(millionths) * all as u128 / 100_000_000;
                usize::try_from(part).unwrap_or(usize::MAX).max(1)
            }
        }
    }
}

impl Rolling {
    pub(crate) fn parse(arguments: &mut Arguments<'_>) -> Option<Self> {
        let mut found = None;
        for key in ["batch", "max_parallel", "serial"] {
            let Some(value) = arguments.value(key) else {
                continue;
            };
            let size = match value {
                Value::Bool(false) if key == "serial" => continue,
                Value::Bool(true) if key == "serial" => Some(Size::Count(1)),
                other => Size::parse(other),
            };
            let Some(size) = size else {
                let got = value.repr();
                arguments.refuse(format!(
                    "'{key}' must be a number of minions, from 1, or a part such as '10%', \
                     not {got}"
                ));
                continue;
            };
            if found.is_some() {
                arguments.refuse("only one of 'batch', 'max_parallel' and 'serial' has a meaning");
            }
            let is_serial = key == "serial";
            found = Some(Self {
                size,
                by_wave: is_serial,
                stops: is_serial,
            });
        }
        found
    }

    /// Gives who is asked next; nobody, if enough are at work or about to restart.
    pub(crate) fn next(self, attempt: &Attempt, terms: Option<Rebooting>) -> Vec<MinionId> {
        let is_sent = |id: &MinionId| attempt.waves.iter().any(|wave| wave.minions.contains(id));
        let (mut at_work, mut unasked) = (0, Vec::new());
        for (id, minion) in &attempt.minions {
            let is_away = terms.is_some_and(|terms| terms.awaits(attempt, id));
            if minion.phase.has_ended() && !is_away {
                continue;
            }
            if is_sent(id) {
                at_work += 1;
            } else {
                unasked.push(id.clone());
            }
        }
        // The order in which minions end moves them about; the next ones go by id.
        unasked.sort();
        let size = self.size.of(attempt.minions.len());
        let room = match (self.by_wave, at_work) {
            (true, 1..) => 0,
            _ => size.saturating_sub(at_work),
        };
        unasked.truncate(room);
        unasked
    }

    /// Gives those who were not asked yet.
    pub(crate) fn unasked(attempt: &Attempt) -> Vec<MinionId> {
        let is_sent = |id: &MinionId| attempt.waves.iter().any(|wave| wave.minions.contains(id));
        let waits = |minion: &crate::MinionState| minion.phase == MinionPhase::Waiting;
        let minions = attempt.minions.iter();
        let unasked = minions.filter(|(id, minion)| waits(minion) && !is_sent(id));
        unasked.map(|(id, _)| id.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_salt_reads_them() {
        // As salt.cli.batch.Batch.get_bnum gives them.
        let of = |text: &str, all| Size::parse(&Value::from(text)).map(|size| size.of(all));
        for (text, all, expected) in [
            ("3", 10, 3),
            ("10%", 10, 1),
            ("%25", 10, 2),
            ("33.3%", 10, 3),
            ("1%", 10, 1),
            ("100%", 7, 7),
            ("20", 7, 20),
        ] {
            assert_eq!(of(text, all), Some(expected), "{text} of {all}");
        }
        for wrong in ["0", "0%", "-1", "some", "", "%"] {
            assert_eq!(of(wrong, 10), None, "{wrong}");
        }
    }
}
