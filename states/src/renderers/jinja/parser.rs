//! Tokens to statements. Expressions are in [`expressions`](super::expressions), Salt's own tags in
//! [`salt_tags`](super::salt_tags). The messages are Jinja's.

use std::rc::Rc;

use super::ast::{Body, Expr, FilterCall, For, Macro, Stmt, StmtKind, Target};
use super::environment::Options;
use super::fault::{Fault, FaultKind, Outcome};
use super::lexer::{self, Token, TokenKind};
use super::limits::MAX_PARSE_DEPTH;

/// A parsed template: its statements and the bodies of its blocks.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) body: Body,
    pub(super) blocks: Vec<(Rc<str>, Body, bool)>,
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
        Ok(body) => Ok(Parsed { body, blocks: parser.blocks }),
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
    blocks: Vec<(Rc<str>, Body, bool)>,
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
            TokenKind::End => {
                syntax(format!("unexpected end of template, expected '{wanted}'."))
            }
            found => {
                syntax(format!("expected token '{wanted}', got '{}'", found.describe()))
            }
        }
    }

    pub(super) fn expect_op(&mut self, op: &str) -> Outcome<()> {
        if self.skip_op(op) { Ok(()) } else { Err(self.expected(op)) }
    }

    pub(super) fn expect_name(&mut self, name: &str) -> Outcome<()> {
        if self.skip_name(name) { Ok(()) } else { Err(self.expected(name)) }
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

    fn expect_block_end(&mut self) -> Outcome<()> {
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

    /// Reads statements up to one of the closing tags; its name is the current token then. No closing
    /// tags means up to the end.
    fn statements_until(&mut self, ends: &[&'static str]) -> Outcome<Body> {
        if !ends.is_empty() {
            self.awaited.push(ends.to_vec());
        }
        let mut statements: Vec<Stmt> = Vec::new();
        loop {
            let line = self.line();
            match self.peek().clone() {
                TokenKind::Data(text) => {
                    self.advance();
                    statements.push(Stmt { line, kind: StmtKind::Data(text) });
                }
                TokenKind::VariableBegin => {
                    self.advance();
                    let line = self.line();
                    let value = self.tuple(true)?;
                    if self.advance_if_variable_end() {
                        statements.push(Stmt { line, kind: StmtKind::Output(value) });
                    } else {
                        return Err(self.expected("end of print statement"));
                    }
                }
                TokenKind::BlockBegin => {
                    self.advance();
                    if let TokenKind::Name(name) = self.peek() {
                        if ends.contains(&name.as_ref()) {
                            self.awaited.pop();
                            return Ok(statements.into());
                        }
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
            let is_awaited_outside =
                self.awaited.iter().any(|ends| ends.contains(&name));
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
            "from" => self.from_import()?,
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

    fn for_loop(&mut self) -> Outcome<StmtKind> {
        let target = self.target(false)?;
        self.expect_name("in")?;
        let iterable = self.tuple_ending(false, &["recursive"])?;
        let condition = if self.skip_name("if") { Some(self.expression()?) } else { None };
        let is_recursive = self.skip_name("recursive");
        let body = self.body_until(&["endfor", "else"])?;
        let otherwise = self.else_body("endfor")?;
        let parts = For { target, iterable, condition, body, otherwise, is_recursive };
        Ok(StmtKind::For(Rc::new(parts)))
    }

    /// Reads `else` and its body, or only the closing tag.
    fn else_body(&mut self, end: &'static str) -> Outcome<Body> {
        if self.skip_name("else") {
            return self.body(end);
        }
        self.advance();
        Ok(Rc::from([]))
    }

    fn if_chain(&mut self) -> Outcome<StmtKind> {
        let mut branches = Vec::new();
        loop {
            let test = self.tuple(false)?;
            let body = self.body_until(&["elif", "else", "endif"])?;
            branches.push((test, body));
            if !self.skip_name("elif") {
                break;
            }
        }
        let otherwise = self.else_body("endif")?;
        Ok(StmtKind::If { branches, otherwise })
    }

    fn with(&mut self) -> Outcome<StmtKind> {
        let mut assigned = Vec::new();
        while *self.peek() != TokenKind::BlockEnd {
            if !assigned.is_empty() {
                self.expect_op(",")?;
            }
            let target = self.single_target(false)?;
            self.expect_op("=")?;
            assigned.push((target, self.expression()?));
        }
        let body = self.body("endwith")?;
        Ok(StmtKind::With { assigned, body })
    }

    fn set(&mut self) -> Outcome<StmtKind> {
        let target = self.target(true)?;
        if self.skip_op("=") {
            let value = self.tuple(true)?;
            return Ok(StmtKind::Set { target, value });
        }
        let filters = self.filter_chain(false)?;
        let body = self.body("endset")?;
        Ok(StmtKind::SetBlock { target, filters, body })
    }

    fn macro_statement(&mut self) -> Outcome<StmtKind> {
        let name = self.target_name()?;
        let (params, defaults) = self.signature()?;
        Ok(StmtKind::Macro(Rc::new(self.macro_body(name, params, defaults, "endmacro")?)))
    }

    fn macro_body(
        &mut self,
        name: Rc<str>,
        params: Vec<Rc<str>>,
        defaults: Vec<Expr>,
        end: &'static str,
    ) -> Outcome<Macro> {
        self.seen.push(Vec::new());
        let body = self.body(end)?;
        let seen = self.seen.pop().unwrap_or_default();
        let uses = |name: &str| seen.iter().any(|seen| seen.as_ref() == name);
        let (uses_varargs, uses_kwargs) = (uses("varargs"), uses("kwargs"));
        let uses_caller = uses("caller");
        if let Some(outer) = self.seen.last_mut() {
            outer.extend(seen);
        }
        Ok(Macro { name, params, defaults, body, uses_varargs, uses_kwargs, uses_caller })
    }

    fn signature(&mut self) -> Outcome<(Vec<Rc<str>>, Vec<Expr>)> {
        self.expect_op("(")?;
        let mut params = Vec::new();
        let mut defaults = Vec::new();
        while !self.is_op(")") {
            if !params.is_empty() {
                self.expect_op(",")?;
            }
            params.push(self.target_name()?);
            if self.skip_op("=") {
                defaults.push(self.expression()?);
            } else if !defaults.is_empty() {
                return Err(syntax("non-default argument follows default argument"));
            }
        }
        self.expect_op(")")?;
        Ok((params, defaults))
    }

    fn call_block(&mut self) -> Outcome<StmtKind> {
        let (params, defaults) =
            if self.is_op("(") { self.signature()? } else { (Vec::new(), Vec::new()) };
        let Expr::Call(callee, args) = self.expression()? else {
            return Err(syntax("expected call"));
        };
        let body = Rc::new(self.macro_body(Rc::from("caller"), params, defaults, "endcall")?);
        Ok(StmtKind::Call { callee: *callee, args, body })
    }

    fn filter_block(&mut self) -> Outcome<StmtKind> {
        let filters = self.filter_chain(true)?;
        let body = self.body("endfilter")?;
        Ok(StmtKind::FilterBlock { filters, body })
    }

    /// Reads `|a|b(1)`; with `starts_inline` the first pipe is left out.
    fn filter_chain(&mut self, starts_inline: bool) -> Outcome<Vec<FilterCall>> {
        let mut filters = Vec::new();
        if starts_inline {
            filters.push(self.filter_call()?);
        }
        while self.skip_op("|") {
            filters.push(self.filter_call()?);
        }
        Ok(filters)
    }

    fn block(&mut self) -> Outcome<StmtKind> {
        let name = self.any_name()?;
        if self.blocks.iter().any(|(known, ..)| *known == name) {
            return Err(syntax(format!("block '{name}' defined twice")));
        }
        let is_scoped = self.skip_name("scoped");
        let is_required = self.skip_name("required");
        if self.is_op("-") {
            return Err(syntax(
                "Block names in Jinja have to be valid Python identifiers and may not contain \
                 hyphens, use an underscore instead.",
            ));
        }
        let index = self.blocks.len();
        self.blocks.push((name.clone(), Rc::from([]), is_scoped));
        let body = self.body("endblock")?;
        self.skip_name(&name);
        let is_blank = |stmt: &Stmt| {
            matches!(&stmt.kind, StmtKind::Data(text) if text.trim().is_empty())
        };
        if is_required && !body.iter().all(is_blank) {
            return Err(syntax("Required blocks can only contain comments or whitespace"));
        }
        self.blocks[index].1 = body;
        Ok(StmtKind::Block { name, is_scoped, is_required })
    }

    fn include(&mut self) -> Outcome<StmtKind> {
        let template = self.expression()?;
        let ignores_missing = self.is_name("ignore")
            && matches!(self.peek_second(), TokenKind::Name(name) if name.as_ref() == "missing");
        if ignores_missing {
            self.advance();
            self.advance();
        }
        let has_context = self.import_context(true);
        Ok(StmtKind::Include { template, ignores_missing, has_context })
    }

    fn import_context(&mut self, usual: bool) -> bool {
        let is_second = matches!(self.peek_second(), TokenKind::Name(n) if n.as_ref() == "context");
        if is_second && (self.is_name("with") || self.is_name("without")) {
            let has_context = self.is_name("with");
            self.advance();
            self.advance();
            return has_context;
        }
        usual
    }

    fn import(&mut self) -> Outcome<StmtKind> {
        let (template, name, has_context) = self.import_parts()?;
        Ok(StmtKind::Import { template, name, has_context })
    }

    pub(super) fn import_parts(&mut self) -> Outcome<(Expr, Rc<str>, bool)> {
        let template = self.expression()?;
        self.expect_name("as")?;
        let name = self.target_name()?;
        let has_context = self.import_context(false);
        Ok((template, name, has_context))
    }

    fn from_import(&mut self) -> Outcome<StmtKind> {
        let template = self.expression()?;
        self.expect_name("import")?;
        let mut names = Vec::new();
        let mut has_context = None;
        loop {
            if !names.is_empty() {
                self.expect_op(",")?;
            }
            if !matches!(self.peek(), TokenKind::Name(_)) {
                return Err(self.expected("name"));
            }
            if self.is_context_marker() {
                has_context = Some(self.import_context(false));
                break;
            }
            let name = self.target_name()?;
            if name.starts_with('_') {
                return Err(syntax("names starting with an underline can not be imported"));
            }
            let alias = if self.skip_name("as") { self.target_name()? } else { name.clone() };
            names.push((name, alias));
            if self.is_context_marker() {
                has_context = Some(self.import_context(false));
                break;
            }
            if !self.is_op(",") {
                break;
            }
        }
        let has_context = has_context.unwrap_or(false);
        Ok(StmtKind::FromImport { template, names, has_context })
    }

    fn is_context_marker(&self) -> bool {
        (self.is_name("with") || self.is_name("without"))
            && matches!(self.peek_second(), TokenKind::Name(n) if n.as_ref() == "context")
    }

    fn print(&mut self) -> Outcome<StmtKind> {
        let mut values = Vec::new();
        while *self.peek() != TokenKind::BlockEnd {
            if !values.is_empty() {
                self.expect_op(",")?;
            }
            values.push(self.expression()?);
        }
        Ok(StmtKind::Print(values))
    }

    fn autoescape(&mut self) -> Outcome<StmtKind> {
        let _ = self.expression()?;
        Err(Fault::runtime(
            "the tag autoescape is not supported: Salt's templates are not HTML",
        ))
    }

    /// Reads what a loop or an assignment fills: a name, `ns.attr` where allowed, or a tuple of names.
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

    fn single_target(&mut self, allows_attribute: bool) -> Outcome<Target> {
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
