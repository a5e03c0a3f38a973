//! The options as they are written, with the place where each one is.
//!
//! Nothing is judged here: names may be unknown, values of any type. A later file wins, as in Salt.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use model::{Map, Value};

use super::Error;

/// One option as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    /// Its value.
    pub value: Value,
    /// The file.
    pub file: PathBuf,
    /// The line of its name, from 1, if it could be told.
    pub line: Option<usize>,
}

impl Written {
    /// Makes one that was given as a flag.
    pub fn on_command_line(value: Value) -> Self {
        Self {
            value,
            file: PathBuf::from("(command line)"),
            line: None,
        }
    }
}

/// All options as written.
#[derive(Debug, Clone, Default)]
pub struct Raw {
    written: IndexMap<String, Written>,
    files: Vec<PathBuf>,
}

impl Raw {
    /// Gives one option.
    pub fn get(&self, option: &str) -> Option<&Written> {
        self.written.get(option)
    }

    /// Gives all options in the order in which they were first written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Written)> {
        self.written
            .iter()
            .map(|(option, written)| (option.as_str(), written))
    }

    /// Gives the files that were read, in order.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    pub(super) fn set(&mut self, option: &str, written: Written) {
        self.written.insert(option.to_owned(), written);
    }

    /// Reads the text of one file.
    pub(super) fn parse(file: &Path, text: &[u8]) -> Result<Self, Error> {
        let yaml = |line, message| Error::Yaml {
            file: file.to_owned(),
            line,
            message,
        };
        let text = std::str::from_utf8(text).map_err(|error| {
            let before = text.get(..error.valid_up_to()).unwrap_or_default();
            let line = before
                .iter()
                .filter(|byte| **byte == b'\n')
                .count()
                .saturating_add(1);
            yaml(Some(line), "is not UTF-8 text".to_owned())
        })?;
        let value = states::renderers::load_yaml(text)
            .map_err(|error| yaml(error.line(), error.message().to_owned()))?;
        let options = match value {
            Value::Nil => Map::default(),
            Value::Map(options) => options,
            other => {
                let got = super::setting::kind_of(&other);
                return Err(Error::NotAMap {
                    file: file.to_owned(),
                    got,
                });
            }
        };
        let mut raw = Self {
            files: vec![file.to_owned()],
            ..Self::default()
        };
        for (name, value) in options {
            let name = name.to_text();
            let line = line_of(text, &name);
            let written = Written {
                value,
                file: file.to_owned(),
                line,
            };
            raw.written.insert(name, written);
        }
        Ok(raw)
    }

    /// Adds what another file of the same include says: maps and lists grow together, the rest is
    /// replaced.
    pub(super) fn merge(&mut self, later: Self) {
        self.files.extend(later.files);
        for (option, mut written) in later.written {
            if let Some(earlier) = self.written.get_mut(&option) {
                let earlier_value = std::mem::take(&mut earlier.value);
                written.value = merged(earlier_value, written.value);
                *earlier = written;
            } else {
                self.written.insert(option, written);
            }
        }
    }

    /// Takes over the options of an include: each replaces the one before.
    pub(super) fn replace_with(&mut self, later: Self) {
        self.files.extend(later.files);
        self.written.extend(later.written);
    }
}

fn merged(earlier: Value, later: Value) -> Value {
    match (earlier, later) {
        (Value::Map(mut earlier), Value::Map(later)) => {
            for (key, value) in later {
                let before = earlier.get_value(&key).cloned();
                let value = match before {
                    Some(before) => merged(before, value),
                    None => value,
                };
                earlier.insert(key, value);
            }
            Value::Map(earlier)
        }
        (Value::List(mut earlier), Value::List(later)) => {
            for item in later {
                if !earlier.contains(&item) {
                    earlier.push(item);
                }
            }
            Value::List(earlier)
        }
        (_, later) => later,
    }
}

/// Finds the line, from 1, on which an option's name begins: names stand at the left margin.
fn line_of(text: &str, name: &str) -> Option<usize> {
    let begins = |line: &str| {
        let line = line.trim_start_matches(['"', '\'']);
        let rest = line.strip_prefix(name)?;
        let rest = rest.trim_start_matches(['"', '\'']).trim_start();
        rest.starts_with(':').then_some(())
    };
    let index = text.lines().position(|line| begins(line).is_some())?;
    Some(index.saturating_add(1))
}
