//! What `--dump-config` shows: every option, what is believed of it, and the file that says so.

use std::fmt;
use std::path::PathBuf;

use model::Value;

use super::opts::Opts;
use super::raw::Raw;

/// One option.
#[derive(Debug, Clone, PartialEq)]
pub struct Believed {
    /// Its name.
    pub option: &'static str,
    /// Its value.
    pub value: Value,
    /// The file that set it; `None` for a default.
    pub file: Option<PathBuf>,
    /// The line in that file, from 1, if it could be told.
    pub line: Option<usize>,
}

/// Every option, in the order of the manual. Prints as YAML with the place behind each value.
#[derive(Debug, Clone)]
pub struct Dump(pub Vec<Believed>);

impl Dump {
    pub(super) fn new(opts: &Opts, raw: &Raw) -> Self {
        let believed = |(option, value)| {
            let written = raw.get(option);
            Believed {
                option,
                value,
                file: written.map(|written| written.file.clone()),
                line: written.and_then(|written| written.line),
            }
        };
        Self(opts.shown().into_iter().map(believed).collect())
    }
}

impl fmt::Display for Dump {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Believed {
            option,
            value,
            file,
            line,
        } in &self.0
        {
            // JSON is YAML on one line.
            let value = serde_json::to_string(value).map_err(|_| fmt::Error)?;
            write!(formatter, "{option}: {value}")?;
            match (file, line) {
                (Some(file), Some(line)) => {
                    writeln!(formatter, "  # {} line {line}", file.display())?
                }
                (Some(file), None) => writeln!(formatter, "  # {}", file.display())?,
                (None, _) => writeln!(formatter, "  # default")?,
            }
        }
        Ok(())
    }
}
