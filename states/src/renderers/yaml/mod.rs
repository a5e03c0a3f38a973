//! YAML 1.1 as PyYAML and Salt's loader read it, and as PyYAML writes it.
//!
//! Text becomes events (libyaml's scanner), events become nodes with places (`compose`), nodes
//! become data (`construct`): `yes` is a boolean, `1:30` is ninety, `012` is twelve, a key twice
//! is an error. Tags that would make Python objects are refused. Depth and expanded size are
//! bounded.

mod compose;
mod construct;
mod dump;
mod merge_keys;
mod scalars;

use model::Value;

pub use dump::{Flow, dump_yaml};
pub(in crate::renderers) use dump::{Written, double_quoted, dump, float_text};

use crate::error::{Error, ErrorKind};

/// Reads one document as Salt's loader does; an empty text is `Nil`.
pub fn load_yaml(text: &str) -> Result<Value, Error> {
    let node = compose::single_document(text).map_err(|fault| fault.into_error(text))?;
    match node {
        None => Ok(Value::Nil),
        Some(node) => construct::construct(&node).map_err(|fault| fault.into_error(text)),
    }
}

/// A place in the text; both numbers count from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Mark {
    line: u64,
    column: u64,
}

impl std::fmt::Display for Mark {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (line, column) = (self.line + 1, self.column + 1);
        write!(
            out,
            "  in \"<unicode string>\", line {line}, column {column}"
        )
    }
}

/// What is wrong with a document, as PyYAML's marked errors tell it.
#[derive(Debug)]
struct Fault {
    kind: ErrorKind,
    context: Option<(String, Mark)>,
    problem: String,
    mark: Mark,
    /// The scanner's problems are reported without their context, as Salt does.
    is_from_scanner: bool,
}

impl Fault {
    fn new(problem: impl Into<String>, mark: Mark) -> Box<Self> {
        Box::new(Self {
            kind: ErrorKind::Yaml,
            context: None,
            problem: problem.into(),
            mark,
            is_from_scanner: false,
        })
    }

    fn limit(problem: impl Into<String>, mark: Mark) -> Box<Self> {
        let mut fault = Self::new(problem, mark);
        fault.kind = ErrorKind::Limit;
        fault
    }

    fn in_mapping(mut self: Box<Self>, mark: Mark) -> Box<Self> {
        self.context = Some(("while constructing a mapping".to_owned(), mark));
        self
    }

    fn into_error(self, text: &str) -> Error {
        let mut message = String::new();
        if self.is_from_scanner {
            message.push_str(&self.problem);
        } else {
            if let Some((context, mark)) = &self.context {
                message.push_str(context);
                message.push('\n');
                if *mark != self.mark {
                    message.push_str(&format!("{mark}\n"));
                }
            }
            message.push_str(&format!("{}\n{}", self.problem, self.mark));
        }
        let line = usize::try_from(self.mark.line).map_or(0, |line| line + 1);
        let column = usize::try_from(self.mark.column)
            .ok()
            .map(|column| column + 1);
        // An unclosed quote is noticed behind the last line; that line is the nearest to show.
        Error::new(self.kind, message).at(line.min(text.lines().count().max(1)), column, text)
    }
}

#[cfg(test)]
mod tests;
