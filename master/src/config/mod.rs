//! The master's configuration: Salt's files, Salt's option names, Salt's defaults.
//!
//! [`load`] reads `DIR/master`, `DIR/master.d/*.conf` and what they include (`raw`), then believes
//! or refuses every value ([`Opts`]). A bad value stops the start with file, line, option, what was
//! expected and what was there. What is written but means nothing here is a [`Notice`], never
//! silence.

use std::path::{Path, PathBuf};

use model::Value;
use storage::disk::{Disk, DiskRead};

mod error;
mod include;
mod manual;
mod opts;
mod path_glob;
mod raw;
mod report;
mod setting;
mod unsupported;

#[cfg(test)]
mod tests;

pub use error::{Error, Problem};
pub use manual::manual;
pub use opts::{OPTIONS, Opts};
pub use raw::{Raw, Written};
pub use report::{Meaning, Notice};
pub use setting::{Described, Roots};

/// A configuration that was read and believed.
#[derive(Debug, Clone)]
pub struct Config {
    /// What the master goes by.
    pub opts: Opts,
    /// What was written and has no effect, or not the one that may be expected.
    pub notices: Vec<Notice>,
    /// What was written, and where.
    pub raw: Raw,
}

/// One line of `--dump-config`.
#[derive(Debug, Clone, PartialEq)]
pub struct Believed {
    /// The option.
    pub option: &'static str,
    /// Its value.
    pub value: Value,
    /// The file that set it; `None` for a default.
    pub file: Option<PathBuf>,
    /// The line in that file, from 1, if it could be told.
    pub line: Option<usize>,
}

/// Reads the configuration in `dir`. `flags` are options from the command line: they win.
pub fn load(dir: &Path, flags: &[(&str, Value)], disk: &dyn DiskRead) -> Result<Config, Error> {
    let mut raw = include::read_all(dir, disk)?;
    for (option, value) in flags {
        raw.set(option, Written::on_command_line(value.clone()));
    }
    let opts = Opts::believe(&raw, disk)?;
    let notices = report::notices(&raw);
    Ok(Config { opts, notices, raw })
}

impl Config {
    /// Gives every option with its value and where it came from.
    pub fn dump(&self) -> Vec<Believed> {
        let believed = |(option, value)| {
            let written = self.raw.get(option);
            Believed {
                option,
                value,
                file: written.map(|written| written.file.clone()),
                line: written.and_then(|written| written.line),
            }
        };
        self.opts.shown().into_iter().map(believed).collect()
    }
}

/// Makes the master's own directories and checks that they can be written.
pub fn prepare_directories(opts: &Opts, disk: &dyn Disk) -> Result<(), Error> {
    // Private keys and what minions returned are for the master's user alone, as in Salt.
    let directories = [
        ("pki_dir", &opts.pki_dir, 0o700),
        ("cachedir", &opts.cachedir, 0o750),
        ("store_dir", &opts.store_dir, 0o700),
        ("sock_dir", &opts.sock_dir, 0o750),
    ];
    for (option, path, mode) in directories {
        disk.make_directory(path, mode)
            .and_then(|()| disk.check_writable(path))
            .map_err(|source| Error::Directory { option, source })?;
    }
    Ok(())
}
