//! Writes `docs/configuration.md` from the list of options, so that the two cannot differ.

use model::Value;

use super::opts::{OPTIONS, Opts};
use super::unsupported;

const HEAD: &str = "# Configuration

The master reads `DIR/master`, then `DIR/master.d/*.conf` in the order of their names, then the
files of `include`, where DIR is `-c DIR` (default `/etc/salt`). Option names and defaults are
Salt's unless the text says otherwise. A value of the wrong type stops the start; an option without
effect is reported at the start. `--dump-config` prints every value and the file it comes from.

This page is written by a test of the master from the list of options: do not edit it.

## Options with an effect

| option | default | expects | what it does |
|---|---|---|---|
";

const UNSUPPORTED: &str = "
## Options of Salt without an effect

| option | why, or what to do instead |
|---|---|
";

/// Gives the text of the page.
pub fn manual() -> String {
    let mut page = HEAD.to_owned();
    let defaults = Opts::default().shown();
    for (option, (_, default)) in OPTIONS.iter().zip(defaults) {
        let default = shown(&default);
        let doc = option.doc.trim();
        let (name, expected) = (option.name, option.expected);
        page.push_str(&format!("| `{name}` | {default} | {expected} | {doc} |\n"));
    }
    page.push_str(UNSUPPORTED);
    let mut all: Vec<_> = unsupported::all().collect();
    all.sort();
    for (option, why) in all {
        page.push_str(&format!("| `{option}` | {why} |\n"));
    }
    page
}

fn shown(default: &Value) -> String {
    let text = match default {
        Value::Nil => return String::new(),
        Value::Bool(bool) => bool.to_string(),
        Value::Str(text) if text.is_empty() => return String::new(),
        other => other.to_text(),
    };
    format!("`{}`", text.replace('|', "\\|"))
}
