//! Tokens to statements. Expressions are in [`expressions`](super::expressions), Salt's own tags in
//! [`salt_tags`](super::salt_tags). The messages are Jinja's.

use std::rc::Rc;

use super::ast::{Body, Stmt, StmtKind, Target};
use super::environment::Options;
use super::fault::{Fault, FaultKind, Outcome};
use super::lexer::{self, Token, TokenKind};
use super::limits::MAX_PARSE_DEPTH;

/// A block: its name, its body, and whether it sees the scope it stands in.
pub(super) type NamedBlock = (Rc<str>, Body, bool);

/// A parsed template: its statements and the bodies of its blocks.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) body: Body,
    pub(super) blocks: Vec<NamedBlock>,
}

/// Parses a template; an error comes with its line.
pub(super) fn parse(text: &str, options: &Options) -> Result<Parsed, (usize, Box<Fault>)> {
    let tokens = lexer::tokenize(text, options)?;
    let mut parser = Parser {
        tokens,
        at: 0,
        depth: 0,
        open_tags: Vec::new(),
        awaited: Vec::new(),
        blocks: Vec::new(),
        seen: Vec::new(),
    };
    match parser.statements_until(&[]) {
        Ok(body) => Ok(Parsed {
            body,
            blocks: parser.blocks,
        }),
        Err(fault) => Err((parser.line(), fault)),
    }
}

pub(super) struct Parser {
    tokens: Vec<Token>,
    at: usize,
    pub(super) depth: usize,
    /// Tags that are open, for messages.
    open_tags: Vec<Rc<str>>,
    /// What would close them, innermost last.
    awaited: Vec<Vec<&'static str>>,
    pub(super) blocks: Vec<NamedBlock>,
    /// The names used so far in each macro body that is open: tells whether it wants `varargs`,
    /// `kwargs` or `caller`.
    pub(super) seen: Vec<Vec<Rc<str>>>,
}

pub(super) fn syntax(message: impl Into<String>) -> Box<Fault> {
    Fault::new(FaultKind::Syntax, message)
}

impl Parser {
    pub(super) fn line(&self) -> usize {
        self.tokens[self.at].line
    }

    pub(super) fn peek(&self) -> &TokenKind {
        &self.tokens[self.at].kind
    }

    pub(super) fn peek_second(&self) -> &TokenKind {
        &self.tokens[(self.at + 1).min(self.tokens.len() - 1)].kind
    }

    pub(super) fn advance(&mut self) -> TokenKind {
        let kind = self.tokens[self.at].kind.clone();
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
        kind
    }

    pub(super) fn is_op(&self, op: &str) -> bool {
        matches!(self.peek(), TokenKind::Op(found) if *found == op)
    }

    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(self.peek(), TokenKind::Name(found) if found.as_ref() == name)
    }

    pub(super) fn skip_op(&mut self, op: &str) -> bool {
        let found = self.is_op(op);
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn skip_name(&mut self, name: &str) -> bool {
        let found = self.is_name(name);
        if found {
            self.advance();
        }
        found
    }

    /// The error for a token that is not the one wanted.
    pub(super) fn expected(&self, wanted: &str) -> Box<Fault> {
        match self.peek() {
            TokenKind::End => syntax(format!("unexpected end of template, expected '{wanted}'.")),
            found => syntax(format!(
                "expected token '{wanted}', got '{}'",
                found.describe()
            )),
        }
    }

    pub(super) fn expect_op(&mut self, op: &str) -> Outcome<()> {
        if self.skip_op(op) {
            Ok(())
        } else {
            Err(self.expected(op))
        }
    }

    pub(super) fn expect_name(&mut self, name: &str) -> Outcome<()> {
        if self.skip_name(name) {
            Ok(())
        } else {
            Err(self.expected(name))
        }
    }

    pub(super) fn any_name(&mut self) -> Outcome<Rc<str>> {
        match self.peek() {
            TokenKind::Name(name) => {
                let name = name.clone();
                self.advance();
                Ok(name)
            }
            _ => Err(self.expected("name")),
        }
    }

    pub(super) fn expect_block_end(&mut self) -> Outcome<()> {
        if *self.peek() == TokenKind::BlockEnd {
            self.advance();
            return Ok(());
        }
        Err(self.expected("end of statement block"))
    }

    /// Guards one level of nesting.
    pub(super) fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        self.depth += 1;
        if self.depth > MAX_PARSE_DEPTH {
            return Err(Fault::limit(format!(
                "the template is nested deeper than {MAX_PARSE_DEPTH} levels"
            )));
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// Reads statements up to one of the closing tags; its name is the current token then. No
    /// closing tags means up to the end.
    pub(super) fn statements_until(&mut self, ends: &[&'static str]) -> Outcome<Body> {
        if !ends.is_empty() {
            self.awaited.push(ends.to_vec());
        }
        let mut statements: Vec<Stmt> = Vec::new();
        loop {
            let line = self.line();
            match self.peek().clone() {
                TokenKind::Data(text) => {
                    self.advance();
                    statements.push(Stmt {
                        line,
                        kind: StmtKind::Data(text),
                    });
                }
                TokenKind::VariableBegin => {
                    self.advance();
                    let line = self.line();
                    let value = self.tuple(true)?;
                    if self.advance_if_variable_end() {
                        statements.push(Stmt {
                            line,
                            kind: StmtKind::Output(value),
                        });
                    } else {
                        return Err(self.expected("end of print statement"));
                    }
                }
                TokenKind::BlockBegin => {
                    self.advance();
                    if let TokenKind::Name(name) = self.peek()
                        && ends.contains(&name.as_ref())
                    {
                        self.awaited.pop();
                        return Ok(statements.into());
                    }
                    let line = self.line();
                    let kind = self.nested(Self::statement)?;
                    statements.push(Stmt { line, kind });
                    self.expect_block_end()?;
                }
                TokenKind::End if ends.is_empty() => return Ok(statements.into()),
                TokenKind::End => return Err(self.unexpected_end()),
                _ => return Err(syntax("internal parsing error")),
            }
        }
    }

    fn advance_if_variable_end(&mut self) -> bool {
        let is_end = *self.peek() == TokenKind::VariableEnd;
        if is_end {
            self.advance();
        }
        is_end
    }

    fn awaited_text(&self) -> Option<String> {
        let ends = self.awaited.last()?;
        let quoted: Vec<String> = ends.iter().map(|end| format!("'{end}'")).collect();
        Some(quoted.join(" or "))
    }

    fn unexpected_end(&self) -> Box<Fault> {
        let mut message = "Unexpected end of template.".to_owned();
        if let Some(awaited) = self.awaited_text() {
            message.push_str(&format!(
                " Jinja was looking for the following tags: {awaited}."
            ));
        }
        if let Some(tag) = self.open_tags.last() {
            message.push_str(&format!(
                " The innermost block that needs to be closed is '{tag}'."
            ));
        }
        syntax(message)
    }

    fn unknown_tag(&self, name: &str) -> Box<Fault> {
        let mut message = format!("Encountered unknown tag '{name}'.");
        if let Some(awaited) = self.awaited_text() {
            let is_awaited_outside = self.awaited.iter().any(|ends| ends.contains(&name));
            message.push_str(&if is_awaited_outside {
                format!(
                    " You probably made a nesting mistake. Jinja is expecting this tag, but \
                     currently looking for {awaited}."
                )
            } else {
                format!(" Jinja was looking for the following tags: {awaited}.")
            });
        }
        if let Some(tag) = self.open_tags.last() {
            message.push_str(&format!(
                " The innermost block that needs to be closed is '{tag}'."
            ));
        }
        syntax(message)
    }

    fn statement(&mut self) -> Outcome<StmtKind> {
        let TokenKind::Name(name) = self.peek().clone() else {
            return Err(syntax("tag name expected"));
        };
        self.open_tags.push(name.clone());
        self.advance();
        let kind = match name.as_ref() {
            "for" => self.for_loop()?,
            "if" => self.if_chain()?,
            "with" => self.with()?,
            "set" => self.set()?,
            "macro" => self.macro_statement()?,
            "call" => self.call_block()?,
            "filter" => self.filter_block()?,
            "do" => StmtKind::Do(self.tuple(true)?),
            "print" => self.print()?,
            "block" => self.block()?,
            "extends" => StmtKind::Extends(self.expression()?),
            "include" => self.include()?,
            "import" => self.import()?,
            "from" => self.named_import()?,
            "break" => StmtKind::Break,
            "continue" => StmtKind::Continue,
            "autoescape" => self.autoescape()?,
            _ => match self.salt_tag(&name)? {
                Some(kind) => kind,
                None => {
                    self.at -= 1;
                    self.open_tags.pop();
                    return Err(self.unknown_tag(&name));
                }
            },
        };
        self.open_tags.pop();
        Ok(kind)
    }

    /// Reads the rest of an opening tag and the body up to a closing tag, which stays current.
    pub(super) fn body_until(&mut self, ends: &[&'static str]) -> Outcome<Body> {
        // Jinja allows a colon at the end of an opening tag.
        self.skip_op(":");
        self.expect_block_end()?;
        self.statements_until(ends)
    }

    /// Reads a body and its closing tag's name.
    pub(super) fn body(&mut self, end: &'static str) -> Outcome<Body> {
        let body = self.body_until(&[end])?;
        self.advance();
        Ok(body)
    }

    /// Reads what a loop or an assignment fills: a name, `ns.attr` where allowed, or a tuple of
    /// names.
    pub(super) fn target(&mut self, allows_attribute: bool) -> Outcome<Target> {
        let first = self.single_target(allows_attribute)?;
        if !self.is_op(",") {
            return Ok(first);
        }
        let mut targets = vec![first];
        while self.skip_op(",") {
            if matches!(self.peek(), TokenKind::BlockEnd) || self.is_name("in") || self.is_op("=") {
                break;
            }
            targets.push(self.single_target(allows_attribute)?);
        }
        Ok(Target::Tuple(targets))
    }

    pub(super) fn single_target(&mut self, allows_attribute: bool) -> Outcome<Target> {
        if self.skip_op("(") {
            let inner = self.nested(|parser| parser.target(false))?;
            self.expect_op(")")?;
            return Ok(match inner {
                Target::Name(name) => Target::Name(name),
                other => other,
            });
        }
        let is_attribute = allows_attribute
            && matches!(self.peek(), TokenKind::Name(_))
            && matches!(self.peek_second(), TokenKind::Op("."));
        if is_attribute {
            let name = self.any_name()?;
            self.advance();
            return Ok(Target::Attribute(name, self.any_name()?));
        }
        if !matches!(self.peek(), TokenKind::Name(_)) {
            let found = self.peek().describe();
            return Err(syntax(format!("can't assign to '{found}'")));
        }
        self.target_name().map(Target::Name)
    }

    pub(super) fn target_name(&mut self) -> Outcome<Rc<str>> {
        let name = self.any_name()?;
        match name.as_ref() {
            "true" | "false" | "none" | "True" | "False" | "None" => {
                Err(syntax("can't assign to 'const'"))
            }
            _ => Ok(name),
        }
    }
}
