//! Why a configuration cannot be believed.

use std::fmt;
use std::path::PathBuf;

/// The master does not start with this configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory is not there.
    #[error("no configuration directory {}: make it, or name another with -c", .0.display())]
    NoDirectory(PathBuf),
    /// A file is no YAML.
    #[error("{}{}: {message}", file.display(), line_suffix(*line))]
    Yaml {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: Option<usize>,
        /// What the YAML reader said.
        message: String,
    },
    /// A file is YAML, but no map of options.
    #[error("{}: expected options (name: value), got {got}", file.display())]
    NotAMap {
        /// The file.
        file: PathBuf,
        /// What it is.
        got: &'static str,
    },
    /// Files include each other.
    #[error("{}: includes are nested more than {depth_max} deep; do they include each other?",
        file.display())]
    IncludedTooDeep {
        /// The innermost file.
        file: PathBuf,
        /// The limit.
        depth_max: usize,
    },
    /// Values that cannot be believed, all of them.
    #[error("{}", list(.0))]
    Problems(Vec<Problem>),
    /// A directory of the master's cannot be used.
    #[error(
        "{option}: {source}; give the master's user that directory, or set {option} or root_dir"
    )]
    Directory {
        /// The option that names it.
        option: &'static str,
        /// What the disk said.
        source: storage::Error,
    },
    /// A file could not be read.
    #[error(transparent)]
    Disk(#[from] storage::Error),
}

/// One value that cannot be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it is written.
    pub file: PathBuf,
    /// The line, from 1, if it could be told.
    pub line: Option<usize>,
    /// The option.
    pub option: String,
    /// What would be right.
    pub expected: String,
    /// What is there.
    pub got: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            line,
            option,
            expected,
            got,
        } = self;
        let file = file.display();
        let line = line_suffix(*line);
        write!(
            formatter,
            "{file}{line}: {option}: expected {expected}, got {got}"
        )
    }
}

fn line_suffix(line: Option<usize>) -> String {
    line.map(|line| format!(" line {line}")).unwrap_or_default()
}

fn list(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}
