//! What is typed → what is meant. Each flag's doc comment is its manual.

mod connection;
mod enrol;
mod output;
mod salt;
mod salt_key;
mod salt_run;
mod target;

use std::ffi::OsString;

use clap::Parser;
use clap::error::ErrorKind;

use crate::exit_code;
use crate::terminal::Terminal;

pub(crate) use connection::ConnectionFlags;
pub(crate) use enrol::{EnrolFlags, EnrolVerb};
pub(crate) use output::{OutputFlags, Printer};
pub(crate) use salt::SaltFlags;
pub(crate) use salt_key::SaltKeyFlags;
pub(crate) use salt_run::SaltRunFlags;

/// Parses a command line; the error is the exit code, all being said already.
pub(crate) fn parse<T: Parser>(args: Vec<OsString>, terminal: &mut Terminal) -> Result<T, u8> {
    T::try_parse_from(args).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            terminal.print(&error.render().to_string());
            exit_code::OK
        }
        _ => {
            terminal.complain(error.render().to_string().trim_end());
            exit_code::USAGE
        }
    })
}

/// Complains about a combination of flags that clap cannot judge.
pub(crate) fn usage_error(program: &str, text: &str, terminal: &mut Terminal) -> u8 {
    terminal.complain(&format!("{program}: error: {text}"));
    exit_code::USAGE
}
