//! What goes wrong while a template is read or run, before it becomes an [`Error`] with a place.

use crate::error::{Error, ErrorKind, Place};

pub(super) type Outcome<T> = Result<T, Box<Fault>>;

/// The families of Python exceptions that Salt reports differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// `UndefinedError`
    Undefined,
    /// `TemplateSyntaxError`
    Syntax,
    /// `TemplateRuntimeError`, `SecurityError`
    Runtime,
    /// Any exception of Python itself: `TypeError`, `KeyError`, ...
    Python,
    /// `raise(...)` in the template
    Raised,
    /// A function behind `salt[...]`
    Function,
    /// `TemplateNotFound`
    NotFound,
    /// A file that is there and cannot be read
    File,
    /// A limit of this engine
    Limit,
}

#[derive(Debug)]
pub(super) struct Fault {
    pub(super) kind: FaultKind,
    pub(super) message: String,
    /// The innermost place, with the template's text for the excerpt.
    pub(super) place: Option<(Place, std::rc::Rc<str>)>,
    pub(super) chain: Vec<Place>,
    /// It has just left a macro or file; the next statement outwards notes itself in the chain.
    pub(super) is_crossing: bool,
}

impl Fault {
    pub(super) fn new(kind: FaultKind, message: impl Into<String>) -> Box<Self> {
        Box::new(Self {
            kind,
            message: message.into(),
            place: None,
            chain: Vec::new(),
            is_crossing: false,
        })
    }

    pub(super) fn python(message: impl Into<String>) -> Box<Self> {
        Self::new(FaultKind::Python, message)
    }

    pub(super) fn runtime(message: impl Into<String>) -> Box<Self> {
        Self::new(FaultKind::Runtime, message)
    }

    pub(super) fn limit(message: impl Into<String>) -> Box<Self> {
        Self::new(FaultKind::Limit, message)
    }

    pub(super) fn undefined(message: impl Into<String>) -> Box<Self> {
        Self::new(FaultKind::Undefined, message)
    }

    /// Brings the fault into the words that Salt uses for its family.
    pub(super) fn into_error(self) -> Error {
        let (kind, prefix) = match self.kind {
            FaultKind::Undefined => (ErrorKind::Undefined, "Jinja variable "),
            FaultKind::Syntax => (ErrorKind::TemplateSyntax, "Jinja syntax error: "),
            FaultKind::Runtime => (ErrorKind::Template, "Jinja syntax error: "),
            FaultKind::Python => (ErrorKind::Template, "Jinja error: "),
            FaultKind::Raised => (ErrorKind::Raised, "Jinja error: "),
            FaultKind::Function => (
                ErrorKind::Function,
                "Problem running salt function in Jinja template: ",
            ),
            FaultKind::NotFound => (ErrorKind::File, "Jinja error: "),
            FaultKind::File => (ErrorKind::File, "Jinja error: "),
            FaultKind::Limit => (ErrorKind::Limit, "Jinja error: "),
        };
        let mut error = Error::new(kind, format!("{prefix}{}", self.message));
        if let Some((place, text)) = &self.place {
            error = error.in_file(&place.file).at(place.line, None, text);
        }
        for place in self.chain {
            error = error.reached_from(place);
        }
        error
    }
}
