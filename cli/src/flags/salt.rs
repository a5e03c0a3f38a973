//! The flags of `salt` (`brine cmd`).

use clap::Parser;

use super::target::TargetFlags;
use super::{ConnectionFlags, OutputFlags};

/// Runs a function on minions and prints what each returns as it comes in.
#[derive(Debug, Parser)]
#[command(
    name = "salt",
    version,
    infer_long_args = true,
    override_usage = "salt [options] '<target>' <function> [arguments]"
)]
pub(crate) struct SaltFlags {
    /// The target, the function and its arguments; `name=value` is a keyword argument.
    #[arg(value_name = "WORDS", allow_negative_numbers = true)]
    pub(crate) words: Vec<String>,
    /// Seconds to wait before minions that have not answered are asked whether they still work on
    /// it.
    #[arg(short, long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub(crate) timeout: Option<i64>,
    /// Send the job, print its jid, and do not wait.
    #[arg(long = "async")]
    pub(crate) is_async: bool,
    /// Print all returns together, once all are there.
    #[arg(short = 's', long = "static")]
    pub(crate) is_static: bool,
    /// Print the jid, and minions that did not answer.
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Print the jid.
    #[arg(long)]
    pub(crate) show_jid: bool,
    /// Say nothing of minions that do not answer.
    #[arg(long)]
    pub(crate) hide_timeout: bool,
    /// Print minions that do not answer; this is so anyway.
    #[arg(long, hide = true)]
    show_timeout: bool,
    /// Print a summary at the end.
    #[arg(long)]
    pub(crate) summary: bool,
    /// Print the documentation of a module or function.
    #[arg(short, long, alias = "documentation")]
    pub(crate) doc: bool,
    /// Show only states that changed something.
    #[arg(long)]
    pub(crate) output_diff: bool,
    /// Stop at the first bad return of a batch.
    #[arg(long)]
    failhard: bool,
    /// Names of keyword arguments whose values stay text, separated by commas.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) no_parse: Vec<String>,
    /// Read further words from standard input, one a line.
    #[arg(long)]
    pub(crate) args_stdin: bool,
    /// Returners that the minions shall also send to, separated by commas.
    #[arg(long = "return", value_name = "RETURNER", default_value = "")]
    pub(crate) returner: String,
    /// Accepted and without effect: a client does not log.
    #[arg(short = 'l', long, value_name = "LEVEL", hide = true)]
    log_level: Option<String>,
    #[command(flatten)]
    pub(crate) unsupported: UnsupportedFlags,
    #[command(flatten)]
    pub(crate) target: TargetFlags,
    #[command(flatten)]
    pub(crate) output: OutputFlags,
    #[command(flatten)]
    pub(crate) connection: ConnectionFlags,
}

/// Flags of Salt's `salt` that are refused by name, rather than ignored.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Not Supported Yet")]
pub(crate) struct UnsupportedFlags {
    /// Run on so many minions at a time.
    #[arg(short, long, alias = "batch-size", value_name = "SIZE")]
    batch: Option<String>,
    /// Pause between two of a batch.
    #[arg(long, hide = true, value_name = "SECONDS")]
    batch_wait: Option<String>,
    /// Batch from so many minions on.
    #[arg(long, hide = true, value_name = "NUMBER")]
    batch_safe_limit: Option<String>,
    /// Size of such a batch.
    #[arg(long, hide = true, value_name = "SIZE")]
    batch_safe_size: Option<String>,
    /// Run on a random choice of minions.
    #[arg(long, value_name = "NUMBER")]
    subset: Option<String>,
    /// Show a progress bar.
    #[arg(short, long)]
    progress: bool,
    /// Show which minions match, and send nothing.
    #[arg(long)]
    preview_target: bool,
    /// Pass metadata to the job.
    #[arg(long, value_name = "DATA")]
    metadata: Option<String>,
    /// Use an external authentication system.
    #[arg(short = 'a', long = "auth", visible_aliases = ["eauth", "external-auth"])]
    eauth: Option<String>,
    /// Keep an authentication token.
    #[arg(short = 'T', long, hide = true)]
    make_token: bool,
    /// The user for external authentication.
    #[arg(long, hide = true, value_name = "USER")]
    username: Option<String>,
    /// The password for external authentication.
    #[arg(long, hide = true, value_name = "PASSWORD")]
    password: Option<String>,
    /// Executors to use on the minions.
    #[arg(long, hide = true, value_name = "LIST")]
    module_executors: Option<String>,
    /// Options for the executors.
    #[arg(long, hide = true, value_name = "OPTIONS")]
    executor_opts: Option<String>,
    /// An alternative configuration of the returner.
    #[arg(long = "return_config", hide = true, value_name = "CONFIG")]
    return_config: Option<String>,
    /// Options for the returner.
    #[arg(long = "return_kwargs", hide = true, value_name = "OPTIONS")]
    return_kwargs: Option<String>,
    /// What separates the arguments of a compound command.
    #[arg(long, hide = true, value_name = "TEXT")]
    args_separator: Option<String>,
    /// Print the configuration.
    #[arg(long, hide = true)]
    config_dump: bool,
}

impl UnsupportedFlags {
    /// Gives the first flag that was used.
    pub(crate) fn first(&self) -> Option<&'static str> {
        [
            (self.batch.is_some(), "--batch"),
            (self.batch_wait.is_some(), "--batch-wait"),
            (self.batch_safe_limit.is_some(), "--batch-safe-limit"),
            (self.batch_safe_size.is_some(), "--batch-safe-size"),
            (self.subset.is_some(), "--subset"),
            (self.progress, "--progress"),
            (self.preview_target, "--preview-target"),
            (self.metadata.is_some(), "--metadata"),
            (self.eauth.is_some(), "--auth"),
            (self.make_token, "--make-token"),
            (self.username.is_some(), "--username"),
            (self.password.is_some(), "--password"),
            (self.module_executors.is_some(), "--module-executors"),
            (self.executor_opts.is_some(), "--executor-opts"),
            (self.return_config.is_some(), "--return_config"),
            (self.return_kwargs.is_some(), "--return_kwargs"),
            (self.args_separator.is_some(), "--args-separator"),
            (self.config_dump, "--config-dump"),
        ]
        .into_iter()
        .find_map(|(is_set, name)| is_set.then_some(name))
    }
}
