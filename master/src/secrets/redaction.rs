//! Takes secrets out of what minions say, before it is recorded.
//!
//! Two lists: the option `redact_patterns`, and the texts of the secrets that runs hold right now.
//! What matches is replaced in returns and events on their way in, so that neither the log nor an
//! event, a job's cache or a screen ever has it. Other spellings of a secret (in base64, cut in
//! two) are not found: what a step prints on purpose belongs under `hide_output`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use fancy_regex::Regex;
use model::{Jid, JobReturn, Map, Value};

/// What stands in place of what matched.
const REDACTED: &str = "** redacted **";

/// Texts of secrets that are shorter are found everywhere: a port, a yes.
const KNOWN_BYTES_MIN: usize = 8;

/// Redacts.
#[derive(Debug, Default)]
pub struct Redactor {
    patterns: Vec<Regex>,
    // Not what the master knows: a shadow of the secrets' view for the tasks that serve sockets.
    known: RwLock<BTreeMap<Jid, Vec<String>>>,
}

impl Redactor {
    /// Takes the patterns of the option; one that does not compile stopped the start already.
    pub fn new(patterns: &[String]) -> Self {
        let patterns = patterns.iter().filter_map(|text| Regex::new(text).ok());
        Self {
            patterns: patterns.collect(),
            known: RwLock::default(),
        }
    }

    /// Learns the texts of a secret that a run holds, but for those under the keys `plain`.
    pub fn learn(&self, run: &Jid, value: &Value, plain: &[String]) {
        let mut texts = Vec::new();
        collect(value, plain, &mut texts);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let of_run = known.entry(run.clone()).or_default();
        for text in texts {
            if !of_run.contains(&text) {
                of_run.push(text);
            }
        }
        // A longer text goes before one that is part of it.
        of_run.sort_by_key(|text| std::cmp::Reverse(text.len()));
    }

    /// Forgets the secrets of a run.
    pub fn forget(&self, run: &Jid) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.remove(run);
    }

    fn is_idle(&self) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        self.patterns.is_empty() && known.is_empty()
    }

    /// Redacts a return: what it gives, and the load that the bus shows. Gives what it gave in
    /// clear, if there was anything to look for.
    pub fn redact_return(&self, ret: &mut JobReturn) -> Option<Value> {
        if self.is_idle() {
            return None;
        }
        let clear = ret.ret.clone();
        self.redact(&mut ret.ret);
        self.redact_map(&mut ret.load);
        Some(clear)
    }

    /// Redacts the payload of an event.
    pub fn redact_map(&self, map: &mut Map) {
        if !self.is_idle() {
            for (_, value) in map.iter_mut() {
                self.redact(value);
            }
        }
    }

    /// Redacts every text in a value; keys of maps stay.
    pub fn redact(&self, value: &mut Value) {
        match value {
            Value::Str(text) => {
                if let Some(redacted) = self.redacted(text) {
                    *text = redacted;
                }
            }
            Value::Bytes(bytes) => {
                let text = String::from_utf8_lossy(bytes).into_owned();
                if let Some(redacted) = self.redacted(&text) {
                    *value = Value::Str(redacted);
                }
            }
            Value::List(items) => items.iter_mut().for_each(|item| self.redact(item)),
            Value::Map(map) => map.iter_mut().for_each(|(_, value)| self.redact(value)),
            _ => {}
        }
    }

    fn redacted(&self, text: &str) -> Option<String> {
        let mut now = None::<String>;
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        for secret in known.values().flatten() {
            let before = now.as_deref().unwrap_or(text);
            if before.contains(secret.as_str()) {
                now = Some(before.replace(secret.as_str(), REDACTED));
            }
        }
        for pattern in &self.patterns {
            let before = now.as_deref().unwrap_or(text);
            // A pattern that gives up on a text hides the whole: better too much than a secret.
            match pattern.try_replacen(before, 0, REDACTED) {
                Ok(Cow::Borrowed(_)) => {}
                Ok(Cow::Owned(replaced)) => now = Some(replaced),
                Err(_) => now = Some(REDACTED.into()),
            }
        }
        now
    }
}

fn collect(value: &Value, plain: &[String], texts: &mut Vec<String>) {
    match value {
        Value::Str(text) => {
            let text = text.trim();
            if text.len() >= KNOWN_BYTES_MIN {
                texts.push(text.to_owned());
            }
        }
        Value::List(items) => items.iter().for_each(|item| collect(item, plain, texts)),
        Value::Map(map) => {
            for (key, value) in map.iter() {
                if !key
                    .as_str()
                    .is_some_and(|key| plain.iter().any(|plain| plain == key))
                {
                    collect(value, plain, texts);
                }
            }
        }
        _ => {}
    }
}
