//! The master's configuration: Salt's files, Salt's option names, Salt's defaults.
//!
//! [`load`] reads `DIR/master`, `DIR/master.d/*.conf` and what they include (`raw`), then believes
//! or refuses every value ([`Opts`]). A bad value stops the start with file, line, option, what was
//! expected and what was there. What is written but means nothing here is a [`Notice`], never
//! silence.

use std::path::Path;

use model::Value;
use storage::disk::{Disk, DiskRead};

mod dump;
mod error;
mod include;
mod manual;
mod opts;
pub(crate) mod path_glob;
mod raw;
mod report;
mod setting;
mod unsupported;

#[cfg(test)]
mod tests;

pub use dump::{Believed, Dump};
pub use error::{Error, Problem};
pub use manual::manual;
pub use opts::{OPTIONS, Opts};
pub use raw::{Raw, Written};
pub use report::{Meaning, Notice};
pub use setting::{Described, Roots};

/// A configuration that was read and believed.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What the master goes by.
    pub opts: Opts,
    /// What was written and has no effect, or not the one that may be expected.
    pub report: Vec<Notice>,
    /// Every option with its value and where it came from.
    pub dump: Dump,
}

/// Reads the configuration in `dir`.
pub fn load(dir: &Path, disk: &dyn DiskRead) -> Result<Loaded, Error> {
    load_with(dir, &[], disk)
}

/// Reads the configuration in `dir`. `flags` are options from the command line: they win.
pub fn load_with(
    dir: &Path,
    flags: &[(&str, Value)],
    disk: &dyn DiskRead,
) -> Result<Loaded, Error> {
    let mut raw = include::read_all(dir, disk)?;
    for (option, value) in flags {
        raw.set(option, Written::on_command_line(value.clone()));
    }
    let mut opts = Opts::believe(&raw, disk)?;
    let keys = || dir.join("gpgkeys").display().to_string();
    opts.gpg_keydir.get_or_insert_with(keys);
    let report = report::notices(&raw);
    let dump = Dump::new(&opts, &raw);
    Ok(Loaded { opts, report, dump })
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
