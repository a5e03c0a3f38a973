//! The flags of `brine enrol`.

use clap::{Parser, Subcommand};

use super::{ConnectionFlags, OutputFlags};

/// Lets minions in: windows, who waits and why, and which values were used.
#[derive(Debug, Parser)]
#[command(name = "enrol", version)]
pub(crate) struct EnrolFlags {
    #[command(subcommand)]
    pub(crate) verb: EnrolVerb,
    #[command(flatten)]
    pub(crate) connection: ConnectionFlags,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum EnrolVerb {
    /// Open a window in which minions enrol; every configured clause must hold in it too.
    Open {
        /// For how long: 90s, 30m, 2h.
        #[arg(long = "for", value_name = "TIME", default_value = "30m", value_parser = seconds)]
        for_secs: u64,
        /// How many minions.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
        count: u64,
        /// Only ids that match this glob.
        #[arg(long, value_name = "GLOB", default_value = "*")]
        id: String,
        /// Let a rebuilt node (same id, new key) replace its key once its old connection is gone.
        #[arg(long)]
        rebuild: bool,
    },
    /// Close a window, or all.
    Close {
        /// Its number; without one all are closed.
        window: Option<u64>,
    },
    /// Show what is asked of strangers, the open windows, who waits and why, alarms, used values.
    List {
        #[command(flatten)]
        output: Box<OutputFlags>,
    },
    /// Let a used value (a UUID, a row of the inventory) enrol one more minion.
    Release {
        /// The value, or the whole claim as `brine enrol list` shows it.
        value: String,
    },
}

/// Reads a time such as `90s`, `30m`, `2h` or `1d`; a bare number is seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err("a time looks like 90s, 30m, 2h or 1d".to_owned()),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| "a time looks like 90s, 30m, 2h or 1d".to_owned())?;
    match number.checked_mul(unit) {
        Some(seconds) if seconds > 0 => Ok(seconds),
        _ => Err("a window is open for a second at least".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn a_time_has_a_unit() {
        assert_eq!(seconds("30m"), Ok(1_800));
        assert_eq!(seconds("45"), Ok(45));
        for wrong in ["", "m", "0s", "3x", "-1m", "99999999999999999999d"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
