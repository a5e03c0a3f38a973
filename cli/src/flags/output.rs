//! The output flags that all programs share.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use model::Value;

use crate::client::MasterFile;
use crate::outputters::{NAMES, Style, render};
use crate::terminal::Terminal;

/// How to print what came back.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output Options")]
pub(crate) struct OutputFlags {
    /// The outputter: nested, highstate, json, yaml, txt, raw, quiet, newline_values_only, key.
    #[arg(long = "out", alias = "output", value_name = "OUTPUT")]
    pub(crate) out: Option<String>,
    /// Indentation in spaces; a negative value is a single line. For json and yaml.
    #[arg(
        long,
        alias = "output-indent",
        value_name = "SPACES",
        allow_negative_numbers = true
    )]
    out_indent: Option<i64>,
    /// Write the output to a file.
    #[arg(long, alias = "output-file", value_name = "FILE")]
    out_file: Option<PathBuf>,
    /// Append to the output file instead of emptying it first.
    #[arg(long, alias = "output-file-append")]
    out_file_append: bool,
    /// Print without colours.
    #[arg(long, alias = "no-colour")]
    no_color: bool,
    /// Print colours even to a pipe or a file.
    #[arg(long, alias = "force-colour")]
    force_color: bool,
    /// How much of each state to show: full, terse, mixed or changes, each also with _id.
    #[arg(long, alias = "state_output", value_name = "STATE_OUTPUT")]
    state_output: Option<String>,
    /// Whether to show states that changed nothing: True or False.
    #[arg(long, alias = "state_verbose", value_name = "BOOL")]
    state_verbose: Option<String>,
}

/// Where returns go, in which style.
pub(crate) struct Printer {
    /// The style.
    pub(crate) style: Style,
    file: Option<std::fs::File>,
}

impl OutputFlags {
    /// Joins flags, config and terminal; an output file is opened now, before anything is asked of
    /// the master.
    pub(crate) fn printer(
        &self,
        config: &MasterFile,
        terminal: &mut Terminal,
    ) -> Result<Printer, String> {
        let mut style = Style::plain();
        style.out = self.out.clone().or(config.get("output").map(Into::into));
        style.indent = self.out_indent;
        style.palette = terminal.palette(self.force_color, self.no_color);
        if let Some(out) = &style.out
            && !NAMES.contains(&out.as_str())
        {
            terminal.complain(&format!(
                "Invalid outputter {out} specified, fall back to nested"
            ));
            style.out = Some("nested".into());
        }
        let state_output = self.state_output.as_deref().or(config.get("state_output"));
        if let Some(state_output) = state_output {
            style.state_output = state_output.to_lowercase();
        }
        style.state_verbose = match self.state_verbose.as_deref() {
            Some(text) => !matches!(text, "False" | "false" | ""),
            None => config.get_bool("state_verbose").unwrap_or(true),
        };
        style.state_output_diff = config.get_bool("state_output_diff").unwrap_or(false);
        style.state_output_profile = config.get_bool("state_output_profile").unwrap_or(true);
        Ok(Printer {
            style,
            file: self.open_file()?,
        })
    }

    fn open_file(&self) -> Result<Option<std::fs::File>, String> {
        let Some(path) = &self.out_file else {
            return Ok(None);
        };
        let mut options = std::fs::OpenOptions::new();
        options.create(true);
        if self.out_file_append {
            options.append(true);
        } else {
            options.write(true).truncate(true);
        }
        match options.open(path) {
            Ok(file) => Ok(Some(file)),
            Err(cause) => Err(format!("{}: {cause}", path.display())),
        }
    }
}

impl Printer {
    /// Prints data by the outputter that it asks for, unless `--out` says otherwise.
    pub(crate) fn show(
        &mut self,
        data: &Value,
        wanted: Option<&str>,
        retcode: i64,
        terminal: &mut Terminal,
    ) {
        let text = render(data, wanted, &self.style, retcode);
        if text.is_empty() {
            return;
        }
        let Some(file) = &mut self.file else {
            return terminal.line(&text);
        };
        if let Err(cause) = writeln!(file, "{text}") {
            terminal.complain(&format!("ERROR: the output file: {cause}"));
        }
    }

    /// Says whether the output is meant for a program: data must stand alone on stdout.
    pub(crate) fn is_for_programs(&self) -> bool {
        !matches!(
            self.style.out.as_deref(),
            None | Some("highstate" | "nested")
        )
    }
}
