//! The flags of `salt-run` (`brine run`).

use clap::Parser;

use super::{ConnectionFlags, OutputFlags};

/// Runs a function on the master; an orchestration is shown live, and goes on without its viewer.
#[derive(Debug, Parser)]
#[command(
    name = "salt-run",
    version,
    infer_long_args = true,
    override_usage = "salt-run [options] <function> [arguments]",
    after_help = "As `brine run` also: plan SLS, list, show RUN, attach RUN, explain RUN, \
                  approve RUN STEP, reject RUN STEP, resume RUN, retry RUN [--from STEP], \
                  cancel RUN."
)]
pub(crate) struct SaltRunFlags {
    /// The function and its arguments; `name=value` is a keyword argument.
    #[arg(value_name = "WORDS", allow_negative_numbers = true)]
    pub(crate) words: Vec<String>,
    /// Print the documentation of a runner or function.
    #[arg(short, long, alias = "documentation")]
    pub(crate) doc: bool,
    /// Start it and do not wait.
    #[arg(long = "async")]
    pub(crate) is_async: bool,
    /// Print no result.
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Overwrite what the guard of an orchestration listed under this hash.
    #[arg(long, value_name = "HASH")]
    pub(crate) yes_wipe: Option<String>,
    /// For `brine run plan`: ask the nodes what is on the disks that may be wiped; changes nothing.
    #[arg(long)]
    pub(crate) look: bool,
    /// For `brine run retry`: the step to begin with; else the first that did not end well.
    #[arg(long, value_name = "STEP")]
    pub(crate) from: Option<String>,
    /// Names of keyword arguments whose values stay text, separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) no_parse: Vec<String>,
    /// Read further words from standard input, one a line.
    #[arg(long)]
    pub(crate) args_stdin: bool,
    /// Accepted and without effect: runners wait for what they started.
    #[arg(short, long, value_name = "SECONDS", hide = true)]
    timeout: Option<i64>,
    /// Accepted and without effect: the master has no grains to load.
    #[arg(long, hide = true)]
    skip_grains: bool,
    /// Accepted and without effect: a client does not log.
    #[arg(short = 'l', long, value_name = "LEVEL", hide = true)]
    log_level: Option<String>,
    /// Not supported: the master chooses the jid.
    #[arg(long, value_name = "JID", hide = true)]
    pub(crate) jid: Option<String>,
    /// Not supported: the local socket says who you are.
    #[arg(
        short = 'a',
        long = "auth",
        aliases = ["eauth", "external-auth"],
        value_name = "EAUTH",
        hide = true
    )]
    pub(crate) eauth: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputFlags,
    #[command(flatten)]
    pub(crate) connection: ConnectionFlags,
}
