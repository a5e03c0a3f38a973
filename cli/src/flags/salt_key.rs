//! The flags of `salt-key` (`brine key`).

use clap::Parser;

use super::{ConnectionFlags, OutputFlags};

/// Shows and decides the keys of minions. Without an action, lists all keys.
#[derive(Debug, Parser)]
#[command(
    name = "salt-key",
    version,
    infer_long_args = true,
    override_usage = "salt-key [options]"
)]
pub(crate) struct SaltKeyFlags {
    #[command(flatten)]
    pub(crate) action: ActionFlags,
    /// Also accept keys that were rejected.
    #[arg(long)]
    pub(crate) include_rejected: bool,
    /// Also reject keys that were accepted.
    #[arg(long)]
    pub(crate) include_accepted: bool,
    /// Also accept or reject keys that were denied.
    #[arg(long)]
    pub(crate) include_denied: bool,
    /// Also accept rejected keys, or reject accepted ones.
    #[arg(long)]
    pub(crate) include_all: bool,
    /// Answer yes to every question.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Say nothing beyond what was asked for.
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Accepted and without effect: who is deleted is cut off at once.
    #[arg(long, value_name = "BOOL", hide = true)]
    rotate_aes_key: Option<String>,
    /// When deleting: True keeps what the minions said of themselves (grains, mine).
    #[arg(long, value_name = "BOOL")]
    pub(crate) preserve_minions: Option<String>,
    /// The hash of fingerprints: md5, sha1, sha224, sha256, sha384, sha512; else the option
    /// hash_type of the master.
    #[arg(long, alias = "hash-type", value_name = "HASH")]
    pub(crate) finger_hash: Option<String>,
    /// Bits of a key that is made.
    #[arg(long, value_name = "BITS", default_value = "2048",
          value_parser = clap::value_parser!(u64).range(2048..=16384))]
    pub(crate) keysize: u64,
    /// Accepted and without effect: a client does not log.
    #[arg(long, value_name = "LEVEL", hide = true)]
    log_level: Option<String>,
    #[command(flatten)]
    pub(crate) output: OutputFlags,
    #[command(flatten)]
    pub(crate) connection: ConnectionFlags,
}

/// What to do; the first one given counts, in the order of this list, as in Salt.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Actions")]
pub(crate) struct ActionFlags {
    /// List keys: all, acc(epted), pre or un(accepted), rej(ected), den(ied).
    #[arg(short, long, value_name = "WHICH")]
    pub(crate) list: Option<String>,
    /// List all keys.
    #[arg(short = 'L', long)]
    pub(crate) list_all: bool,
    /// Accept the pending keys of an id; globs, commas and fingerprints are understood.
    #[arg(short, long, value_name = "ID")]
    pub(crate) accept: Option<String>,
    /// Accept all pending keys.
    #[arg(short = 'A', long)]
    pub(crate) accept_all: bool,
    /// Reject the pending keys of an id.
    #[arg(short, long, value_name = "ID")]
    pub(crate) reject: Option<String>,
    /// Reject all pending keys.
    #[arg(short = 'R', long)]
    pub(crate) reject_all: bool,
    /// Print the public key of an id.
    #[arg(short, long, value_name = "ID")]
    pub(crate) print: Option<String>,
    /// Print all public keys.
    #[arg(short = 'P', long)]
    pub(crate) print_all: bool,
    /// Delete the key of an id, wherever it is.
    #[arg(short, long, value_name = "ID")]
    pub(crate) delete: Option<String>,
    /// Delete all keys.
    #[arg(short = 'D', long)]
    pub(crate) delete_all: bool,
    /// Print the fingerprint of an id's key.
    #[arg(short, long, value_name = "ID")]
    pub(crate) finger: Option<String>,
    /// Print all fingerprints.
    #[arg(short = 'F', long)]
    pub(crate) finger_all: bool,
    /// Make a key pair: NAME.pem and NAME.pub.
    #[arg(long, value_name = "NAME")]
    pub(crate) gen_keys: Option<String>,
    /// Where to write it.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) gen_keys_dir: std::path::PathBuf,
    /// Make a key pair for a minion that was never here, and accept it. Not Salt's.
    #[arg(long, value_name = "ID")]
    pub(crate) gen_accept: Option<String>,
    /// Let the keys of these ids speak an older protocol than they have spoken. Not Salt's.
    #[arg(long, value_name = "ID")]
    pub(crate) reset_version: Option<String>,
    /// Not supported yet: sign the master's public key.
    #[arg(long, hide = true)]
    pub(crate) gen_signature: bool,
}
