//! Which minions: the target flags of `salt`.

use clap::Args;
use model::Value;

/// How the target is read. At most one flag may be given; without one it is a shell glob over ids.
#[derive(Debug, Args)]
#[command(next_help_heading = "Target Options")]
pub(crate) struct TargetFlags {
    /// The target is a regular expression over ids.
    #[arg(short = 'E', long)]
    pcre: bool,
    /// The target is a list of ids, separated by commas or spaces.
    #[arg(short = 'L', long)]
    list: bool,
    /// The target is a grain and a glob over its value: "os:Arch*".
    #[arg(short = 'G', long)]
    grain: bool,
    /// The target is a grain and a regular expression over its value.
    #[arg(short = 'P', long)]
    grain_pcre: bool,
    /// The target is a node group of the master's config.
    #[arg(short = 'N', long)]
    nodegroup: bool,
    /// The target is a range expression.
    #[arg(short = 'R', long)]
    range: bool,
    /// The target is several of these joined: 'G@os:Arch* and web* or E@db.*'.
    #[arg(short = 'C', long)]
    compound: bool,
    /// The target is a pillar key and a glob over its value.
    #[arg(short = 'I', long)]
    pillar: bool,
    /// The target is a pillar key and a regular expression over its value.
    #[arg(short = 'J', long)]
    pillar_pcre: bool,
    /// The target is an address or a network.
    #[arg(short = 'S', long)]
    ipcidr: bool,
    /// The delimiter in grain and pillar targets.
    #[arg(long, default_value = ":")]
    pub(crate) delimiter: String,
}

impl TargetFlags {
    /// Gives Salt's name for the kind of target.
    pub(crate) fn kind(&self) -> Result<&'static str, String> {
        let chosen: Vec<(&str, &'static str)> = [
            (self.pcre, "-E", "pcre"),
            (self.list, "-L", "list"),
            (self.grain, "-G", "grain"),
            (self.grain_pcre, "-P", "grain_pcre"),
            (self.nodegroup, "-N", "nodegroup"),
            (self.range, "-R", "range"),
            (self.compound, "-C", "compound"),
            (self.pillar, "-I", "pillar"),
            (self.pillar_pcre, "-J", "pillar_pcre"),
            (self.ipcidr, "-S", "ipcidr"),
        ]
        .into_iter()
        .filter(|(is_set, ..)| *is_set)
        .map(|(_, flag, kind)| (flag, kind))
        .collect();
        match chosen.as_slice() {
            [] => Ok("glob"),
            [(_, kind)] => Ok(kind),
            several => {
                let flags: Vec<&str> = several.iter().map(|(flag, _)| *flag).collect();
                let flags = flags.join("/");
                Err(format!(
                    "the options {flags} exclude each other: choose one"
                ))
            }
        }
    }

    /// Gives the target as the API takes it: a list is split.
    pub(crate) fn target(&self, text: &str) -> Value {
        if !self.list {
            return Value::str(text);
        }
        let ids: Vec<String> = if text.contains(',') {
            let text = text.replace(' ', "");
            text.split(',').map(Into::into).collect()
        } else {
            text.split_whitespace().map(Into::into).collect()
        };
        ids.into_iter().map(Value::str).collect()
    }
}
