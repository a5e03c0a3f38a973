//! What went wrong in an SLS, and where: file, line, column, the line itself and its neighbours.
//!
//! [`Error`] is shared by the renderers and the compiler. Its text follows Salt's: the message,
//! `; line N`, and an excerpt of the file with a pointer behind the line.

use std::fmt;

/// How many lines an excerpt shows before and after the line.
const LINES_AROUND: usize = 5;

/// What marks the line in an excerpt.
const POINTER: &str = "    <======================";

/// Which part said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A template is malformed.
    TemplateSyntax,
    /// A template used a variable or attribute that is not there.
    Undefined,
    /// A template failed while it ran.
    Template,
    /// The template itself refused with `raise(...)`.
    Raised,
    /// A function behind `salt[...]` failed.
    Function,
    /// The text is no YAML, or YAML that Salt refuses.
    Yaml,
    /// The text is no JSON.
    Json,
    /// There is no such renderer, or it is not allowed here.
    Renderer,
    /// A file is missing or unreadable.
    File,
    /// A limit on time, size or depth was reached.
    Limit,
    /// The data has the wrong shape (compiler).
    Data,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The path below the root, or `<template>`.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

/// An error in an SLS. Boxed inside, so that results stay small.
#[derive(Debug, Clone)]
pub struct Error(Box<Detail>);

/// What an [`Error`] knows.
#[derive(Debug, Clone)]
pub struct Detail {
    /// Which part said no.
    pub kind: ErrorKind,
    /// The message in Salt's words, without any place.
    pub message: String,
    /// The environment, if the error belongs to an SLS.
    pub saltenv: Option<String>,
    /// The dotted name of the SLS.
    pub sls: Option<String>,
    /// The file, if known.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The column, from 1.
    pub column: Option<usize>,
    /// The line itself.
    pub line_text: Option<String>,
    /// The lines around it as Salt shows them, pointer included.
    pub excerpt: Option<String>,
    /// The includes, imports and macro calls that led here, innermost first.
    pub chain: Vec<Place>,
}

impl Error {
    /// Makes an error without a place.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Detail {
            kind,
            message: message.into(),
            saltenv: None,
            sls: None,
            file: None,
            line: None,
            column: None,
            line_text: None,
            excerpt: None,
            chain: Vec::new(),
        }))
    }

    /// Gives all that is known.
    pub fn detail(&self) -> &Detail {
        &self.0
    }

    /// Says which part said no.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Gives the message without any place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Gives the line, from 1.
    pub fn line(&self) -> Option<usize> {
        self.0.line
    }

    /// Names the file, unless a nearer one is known.
    #[must_use]
    pub fn in_file(mut self, file: &str) -> Self {
        self.0.file.get_or_insert_with(|| file.to_owned());
        self
    }

    /// Names line and column (both from 1) and takes the excerpt out of the text, unless a nearer
    /// place is known. A line behind the end of the text shows the text, as Salt does.
    #[must_use]
    pub fn at(mut self, line: usize, column: Option<usize>, text: &str) -> Self {
        if self.0.line.is_none() {
            self.0.line = Some(line);
            self.0.column = column;
            self.0.line_text = text.lines().nth(line.saturating_sub(1)).map(str::to_owned);
            self.0.excerpt = Some(excerpt(text, line));
        }
        self
    }

    /// Names the SLS, unless a nearer one is known.
    #[must_use]
    pub fn in_sls(mut self, saltenv: &str, sls: &str) -> Self {
        if self.0.sls.is_none() && !sls.is_empty() {
            self.0.saltenv = Some(saltenv.to_owned());
            self.0.sls = Some(sls.to_owned());
        }
        self
    }

    /// Adds the place that included, imported or called what failed.
    #[must_use]
    pub fn reached_from(mut self, place: Place) -> Self {
        self.0.chain.push(place);
        self
    }

    /// Gives the message with line and excerpt, but without the SLS: the part that Salt's renderers
    /// say.
    pub fn without_sls(&self) -> String {
        let detail = &self.0;
        let mut text = detail.message.clone();
        if let (Some(line), Some(excerpt)) = (detail.line, &detail.excerpt) {
            text.push_str(&format!("; line {line}\n\n{excerpt}"));
        }
        for place in &detail.chain {
            text.push_str(&format!("\nreached from {}:{}", place.file, place.line));
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(sls) = &self.0.sls {
            let saltenv = self.0.saltenv.as_deref().unwrap_or("base");
            write!(out, "Rendering SLS '{saltenv}:{sls}' failed: ")?;
        }
        out.write_str(&self.without_sls())
    }
}

impl std::error::Error for Error {}

impl From<crate::file_client::FileError> for Error {
    fn from(error: crate::file_client::FileError) -> Self {
        Self::new(ErrorKind::File, error.to_string())
    }
}

/// Takes the lines around `line` (from 1) out of a text, framed and marked as Salt does.
pub fn excerpt(text: &str, line: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    if line == 0 || line > lines.len() {
        return text.to_owned();
    }
    let first = line.saturating_sub(LINES_AROUND + 1);
    let last = lines.len().min(line + LINES_AROUND);
    let mut shown: Vec<String> = Vec::with_capacity(last - first + 4);
    shown.push("---".to_owned());
    if first > 0 {
        shown.push("[...]".to_owned());
    }
    for (index, text) in lines[first..last].iter().enumerate() {
        let pointer = if first + index + 1 == line {
            POINTER
        } else {
            ""
        };
        shown.push(format!("{text}{pointer}"));
    }
    if last < lines.len() {
        shown.push("[...]".to_owned());
    }
    shown.push("---".to_owned());
    shown.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_its_line_among_the_others() {
        let text = "a: 1\nb: {{ foo }}\nc: 3\n";
        let error = Error::new(ErrorKind::Undefined, "Jinja variable 'foo' is undefined")
            .at(2, None, text)
            .in_sls("base", "x");
        let expected = "Rendering SLS 'base:x' failed: \
             Jinja variable 'foo' is undefined; line 2\n\n\
             ---\na: 1\nb: {{ foo }}    <======================\nc: 3\n---";
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.detail().line_text.as_deref(), Some("b: {{ foo }}"));
    }

    #[test]
    fn a_long_file_is_shown_in_part() {
        let text: String = (1..=20).map(|line| format!("{line}\n")).collect();
        let shown = excerpt(&text, 10);
        assert!(shown.starts_with("---\n[...]\n5\n"));
        assert!(shown.ends_with("\n15\n[...]\n---"));
    }
}
