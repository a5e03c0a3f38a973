//! `brine explain pillar`: which file and line a value of a minion's pillar came from.
//!
//! It reads the configuration and the files below `pillar_roots` as they are now, and asks no
//! running master; `salt-run pillar.explain` says the same with the grains the master knows.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use model::{Grains, Map, MinionId, Value};
use pillar::Origin;

use crate::bin_render::{Given, read_opts};
use crate::pillar_sources::Pillars;
use crate::world::{World, real};

/// Says where something came from.
#[derive(Debug, Parser)]
#[command(name = "brine explain", version)]
enum Flags {
    /// The files and lines that set a value of a minion's pillar; the last one wins, or is merged
    /// last.
    Pillar(Asked),
}

#[derive(Debug, clap::Args)]
struct Asked {
    /// The minion.
    minion: MinionId,
    /// The key, its parts joined by colons: `users:root:shell`.
    key: String,
    /// The directory of the master's configuration, for its pillar_roots.
    #[arg(short = 'c', long = "config-dir", default_value = "/etc/salt")]
    config_dir: PathBuf,
    /// A JSON file with the minion's grains: {"grains": {...}}. Without it only its id is known.
    #[arg(long)]
    context: Option<PathBuf>,
    /// How to print it.
    #[arg(long = "out", value_enum, default_value_t = Out::Text)]
    out: Out,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Out {
    Text,
    Json,
}

/// What was found.
struct Explained {
    /// The value in the pillar, if there is one.
    value: Option<Value>,
    /// The places that set it, the last one wins.
    origins: Vec<Origin>,
}

/// Prints the places, or says on stderr why there are none.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the main of a program"
)]
pub fn main(args: Vec<OsString>) -> ExitCode {
    let Flags::Pillar(asked) = match Flags::try_parse_from(args) {
        Ok(flags) => flags,
        Err(error) => error.exit(),
    };
    match answer(&asked, &real::world()) {
        Ok(text) => println!("{text}"),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn answer(asked: &Asked, world: &World) -> Result<String, String> {
    let found = explain(asked, world)?;
    if found.origins.is_empty() && found.value.is_none() {
        return Err(format!(
            "{}: no SLS that the top file names for it sets '{}'; \
             `salt-run pillar.show_top {}` lists them",
            asked.minion, asked.key, asked.minion
        ));
    }
    Ok(match asked.out {
        Out::Json => json(asked, &found),
        Out::Text => text(&found),
    })
}

fn explain(asked: &Asked, world: &World) -> Result<Explained, String> {
    let given = Given::read(asked.context.as_deref(), world.disk.as_ref())?;
    let opts = read_opts(Some(&asked.config_dir), world.disk.as_ref())?;
    let pillars = Pillars::new(&opts, world);
    let grains = Grains(given.grains.clone());
    let data = Value::Map(pillars.compile(&asked.minion, &grains));
    Ok(Explained {
        value: data.traverse(&asked.key, ":").cloned(),
        origins: pillars.explain(&asked.minion, &grains, &asked.key),
    })
}

/// One line a place, and a last one where the pillar holds something else than the last place
/// says.
fn text(found: &Explained) -> String {
    let mut lines: Vec<String> = found
        .origins
        .iter()
        .map(|origin| format!("{}  {}", place(origin), origin.value.repr()))
        .collect();
    let last = found.origins.last().map(|origin| &origin.value);
    if last != found.value.as_ref() {
        let value = found.value.as_ref().map_or("nothing".into(), Value::repr);
        let why = if found.origins.is_empty() {
            "not from an SLS"
        } else {
            "merged"
        };
        lines.push(format!("= {value}  ({why})"));
    }
    lines.join("\n")
}

/// `base:web.sls:3`; without a line where a template makes the key up.
fn place(origin: &Origin) -> String {
    match origin.line {
        Some(line) => format!("{}:{}:{line}", origin.saltenv, origin.path),
        None => format!("{}:{}", origin.saltenv, origin.path),
    }
}

fn json(asked: &Asked, found: &Explained) -> String {
    let origins: Value = found.origins.iter().cloned().map(origin_value).collect();
    let value = found.value.clone().unwrap_or_default();
    let all = Map::from([
        ("minion", Value::str(asked.minion.as_str())),
        ("key", Value::str(&asked.key)),
        ("value", value),
        ("origins", origins),
    ]);
    serde_json::to_string_pretty(&Value::Map(all)).unwrap_or_default()
}

/// Gives one place as data, for programs.
pub(crate) fn origin_value(origin: Origin) -> Value {
    let line = origin.line.and_then(|line| i64::try_from(line).ok());
    Value::Map(Map::from([
        ("saltenv", Value::Str(origin.saltenv)),
        ("sls", Value::Str(origin.sls)),
        ("path", Value::Str(origin.path)),
        ("line", line.map_or(Value::Nil, Value::from)),
        ("value", origin.value),
    ]))
}

#[cfg(test)]
#[path = "bin_explain_tests.rs"]
mod tests;
