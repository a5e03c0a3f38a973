//! What every program does around its work: a runtime for one thread, words from standard input,
//! the last error.

use std::ffi::OsString;
use std::future::Future;

use crate::client::Error;
use crate::terminal::Terminal;
use crate::{exit_code, hints};

/// Runs a program's work to its end.
pub(crate) fn block_on(work: impl Future<Output = u8>) -> u8 {
    match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(work),
        // Only a process without file descriptors left gets here.
        Err(_) => exit_code::FAILED,
    }
}

/// Says what went wrong and what to do next; gives the exit code.
pub(crate) fn fail(error: &Error, terminal: &mut Terminal) -> u8 {
    terminal.complain(&hints::explained(error));
    exit_code::FAILED
}

/// Tells that a stream broke; it comes back by itself.
pub(crate) fn tell_lost(error: &Error, terminal: &mut Terminal) {
    terminal.complain(&format!(
        "{error}; waiting for it to come back (Ctrl-C to stop)"
    ));
}

/// Tells that a stream is back.
pub(crate) fn tell_back(terminal: &mut Terminal) {
    terminal.complain("the master is back; nothing was missed");
}

/// Reads further words for `--args-stdin`, one a line.
pub(crate) fn with_input_words(mut args: Vec<OsString>, terminal: &mut Terminal) -> Vec<OsString> {
    while let Some(line) = terminal.next_input_line() {
        args.push(line.into());
    }
    args
}

/// Gives the name that a program was called by, without its directory.
pub(crate) fn name_of(args: &[OsString], otherwise: &str) -> String {
    args.first()
        .map(std::path::Path::new)
        .and_then(|path| path.file_name())
        .map_or_else(
            || otherwise.to_owned(),
            |name| name.to_string_lossy().into_owned(),
        )
}

/// Gives the name of who runs this, as Salt writes it into jobs: `sudo_NAME` where `sudo` was used.
pub(crate) fn user() -> String {
    let name = |variable| std::env::var(variable).ok().filter(|name| !name.is_empty());
    if let Some(behind) = name("SUDO_USER").filter(|name| name != "root") {
        return format!("sudo_{behind}");
    }
    let known = name("USER").or_else(|| name("LOGNAME"));
    known.unwrap_or_else(|| {
        if rustix::process::geteuid().is_root() {
            "root".into()
        } else {
            rustix::process::geteuid().as_raw().to_string()
        }
    })
}
