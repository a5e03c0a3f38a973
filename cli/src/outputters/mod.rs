//! Data → what a person or a program reads; one file an outputter, each equal to Salt's text.
//!
//! `--out` chooses; else the return itself says which it wants; else it is `nested`. Whatever an
//! outputter cannot show (a return that is no highstate) is shown by `nested`, as in Salt.

mod highstate;
mod json;
mod key;
mod nested;
mod newline_values_only;
mod no_return;
mod palette;
mod pprint;
mod raw;
mod txt;
mod yaml;

use model::Value;

pub(crate) use json::{Layout, write_json};
pub(crate) use palette::{Color, Palette};

/// How to print: what the output flags and the config file say.
#[derive(Debug, Clone)]
pub(crate) struct Style {
    /// `--out`.
    pub(crate) out: Option<String>,
    /// `--out-indent`.
    pub(crate) indent: Option<i64>,
    /// The colours.
    pub(crate) palette: Palette,
    /// `state_output`: full, terse, mixed, changes, filter, each also with `_id`.
    pub(crate) state_output: String,
    /// `state_verbose`: also show states that changed nothing.
    pub(crate) state_verbose: bool,
    /// `state_output_diff`: show only states that changed something.
    pub(crate) state_output_diff: bool,
    /// `state_output_profile`: show times.
    pub(crate) state_output_profile: bool,
}

impl Style {
    /// Gives Salt's defaults.
    pub(crate) fn plain() -> Self {
        Self {
            out: None,
            indent: None,
            palette: Palette::new(false),
            state_output: "full".into(),
            state_verbose: true,
            state_output_diff: false,
            state_output_profile: true,
        }
    }

    /// Gives the outputter in force for data that asks for `wanted`.
    fn chosen<'a>(&'a self, wanted: Option<&'a str>) -> &'a str {
        let chosen = match self.out.as_deref() {
            // With --out=highstate, what is no highstate keeps its own outputter.
            Some("highstate") | None => wanted,
            flag => flag,
        };
        match chosen {
            None | Some("") => "nested",
            Some(name) => name,
        }
    }
}

/// The names that `--out` takes.
pub(crate) const NAMES: [&str; 12] = [
    "highstate",
    "json",
    "key",
    "nested",
    "newline_values_only",
    "no_return",
    "pprint",
    "quiet",
    "raw",
    "text",
    "txt",
    "yaml",
];

/// Renders data for the terminal, without spaces or line ends at its end. `retcode` colours
/// failures.
pub(crate) fn render(data: &Value, wanted: Option<&str>, style: &Style, retcode: i64) -> String {
    let text = match style.chosen(wanted) {
        "highstate" => highstate::output(data, style),
        "json" => Some(json::output(data, style)),
        "key" => key::output(data, style),
        "newline_values_only" => newline_values_only::output(data),
        "no_return" => Some(no_return::output(data, style)),
        "quiet" => Some(String::new()),
        "pprint" => Some(pprint::output(data)),
        "raw" => Some(raw::output(data)),
        "text" | "txt" => Some(txt::output(data)),
        "yaml" => Some(yaml::output(data, style)),
        _ => None,
    };
    text.unwrap_or_else(|| nested::output(data, style.palette, 0, retcode))
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests;
