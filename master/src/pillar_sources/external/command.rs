//! `cmd_yaml` and `cmd_json`: what a command prints.
//!
//! `%s` in the command is the minion's id. As in Salt, output that cannot be read is told in the
//! log, and the pillar goes without it; so is a command that fails or takes too long. Standard
//! error goes to the log and never into the data.

use std::sync::Arc;
use std::time::Duration;

use model::{Map, Value};
use pillar::{PillarSource, SourceRequest};
use states::renderers::load_yaml;

use super::{Parts, bind, map, text};
use crate::programs::{self, Limits};

/// Most that a command may print: more would not fit into a message to a minion.
const OUTPUT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Characters of an id that no shell takes for more than themselves.
const PLAIN: [char; 7] = ['-', '_', '.', '@', ':', '+', '%'];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Yaml,
    Json,
}

struct Command {
    form: Form,
    line: String,
    time: Duration,
}

pub(super) fn yaml(arguments: &Value, parts: &Parts) -> Result<Arc<dyn PillarSource>, String> {
    command(Form::Yaml, arguments, parts)
}

pub(super) fn json(arguments: &Value, parts: &Parts) -> Result<Arc<dyn PillarSource>, String> {
    command(Form::Json, arguments, parts)
}

fn command(form: Form, arguments: &Value, parts: &Parts) -> Result<Arc<dyn PillarSource>, String> {
    let [line] = bind(arguments, ["command"])?;
    Ok(Arc::new(Command {
        form,
        line: text(line, "command")?,
        time: parts.time,
    }))
}

impl Command {
    fn data(&self, line: &str) -> Result<Value, String> {
        let limits = Limits {
            time: self.time,
            output_bytes: OUTPUT_BYTES_MAX,
        };
        let finished = programs::run(programs::shell(line), Vec::new(), limits)
            .map_err(|error| error.to_string())?;
        if finished.code != 0 || !finished.stderr.is_empty() {
            let said = String::from_utf8_lossy(&finished.stderr);
            let (code, pid, said) = (finished.code, finished.pid, said.trim_end());
            tracing::warn!(
                command = line,
                pid,
                code,
                said,
                "an external pillar complains"
            );
        }
        let output = String::from_utf8(finished.stdout).map_err(|error| error.to_string())?;
        match self.form {
            Form::Yaml => load_yaml(&output).map_err(|error| error.to_string()),
            Form::Json => serde_json::from_str(&output).map_err(|error| error.to_string()),
        }
    }
}

impl PillarSource for Command {
    fn name(&self) -> &str {
        match self.form {
            Form::Yaml => "cmd_yaml",
            Form::Json => "cmd_json",
        }
    }

    fn pillar(&self, request: SourceRequest<'_>) -> Result<Map, String> {
        let id = request.id.as_str();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || PLAIN.contains(&c);
        if self.line.contains("%s") && !id.chars().all(is_plain) {
            return Err("the minion's id has characters that a shell would act upon".to_owned());
        }
        let line = self.line.replace("%s", id);
        match self.data(&line) {
            Ok(data) => map(data),
            Err(error) => {
                tracing::error!(command = line, %error, "an external pillar gives no data");
                Ok(Map::new())
            }
        }
    }
}
