//! Tokens to the statements of Jinja itself: one method per tag.

use std::rc::Rc;

use super::ast::{Body, Expr, FilterCall, For, Macro, Stmt, StmtKind};
use super::fault::{Fault, Outcome};
use super::lexer::TokenKind;
use super::parser::{Parser, syntax};

impl Parser {
    pub(super) fn for_loop(&mut self) -> Outcome<StmtKind> {
        let target = self.target(false)?;
        self.expect_name("in")?;
        let iterable = self.tuple_ending(false, &["recursive"])?;
        let condition = if self.skip_name("if") {
            Some(self.expression()?)
        } else {
            None
        };
        let is_recursive = self.skip_name("recursive");
        let body = self.body_until(&["endfor", "else"])?;
        let otherwise = self.else_body("endfor")?;
        let parts = For {
            target,
            iterable,
            condition,
            body,
            otherwise,
            is_recursive,
        };
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

    pub(super) fn if_chain(&mut self) -> Outcome<StmtKind> {
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
        Ok(StmtKind::If {
            branches,
            otherwise,
        })
    }

    pub(super) fn with(&mut self) -> Outcome<StmtKind> {
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

    pub(super) fn set(&mut self) -> Outcome<StmtKind> {
        let target = self.target(true)?;
        if self.skip_op("=") {
            let value = self.tuple(true)?;
            return Ok(StmtKind::Set { target, value });
        }
        let filters = self.filter_chain(false)?;
        let body = self.body("endset")?;
        Ok(StmtKind::SetBlock {
            target,
            filters,
            body,
        })
    }

    pub(super) fn macro_statement(&mut self) -> Outcome<StmtKind> {
        let name = self.target_name()?;
        let (params, defaults) = self.signature()?;
        Ok(StmtKind::Macro(Rc::new(
            self.macro_body(name, params, defaults, "endmacro")?,
        )))
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
        Ok(Macro {
            name,
            params,
            defaults,
            body,
            uses_varargs,
            uses_kwargs,
            uses_caller,
        })
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

    pub(super) fn call_block(&mut self) -> Outcome<StmtKind> {
        let (params, defaults) = if self.is_op("(") {
            self.signature()?
        } else {
            (Vec::new(), Vec::new())
        };
        let Expr::Call(callee, args) = self.expression()? else {
            return Err(syntax("expected call"));
        };
        let body = Rc::new(self.macro_body(Rc::from("caller"), params, defaults, "endcall")?);
        Ok(StmtKind::Call {
            callee: *callee,
            args,
            body,
        })
    }

    pub(super) fn filter_block(&mut self) -> Outcome<StmtKind> {
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

    pub(super) fn block(&mut self) -> Outcome<StmtKind> {
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
        let is_blank =
            |stmt: &Stmt| matches!(&stmt.kind, StmtKind::Data(text) if text.trim().is_empty());
        if is_required && !body.iter().all(is_blank) {
            return Err(syntax(
                "Required blocks can only contain comments or whitespace",
            ));
        }
        self.blocks[index].1 = body;
        Ok(StmtKind::Block {
            name,
            is_scoped,
            is_required,
        })
    }

    pub(super) fn include(&mut self) -> Outcome<StmtKind> {
        let template = self.expression()?;
        let ignores_missing = self.is_name("ignore")
            && matches!(self.peek_second(), TokenKind::Name(name) if name.as_ref() == "missing");
        if ignores_missing {
            self.advance();
            self.advance();
        }
        let has_context = self.import_context(true);
        Ok(StmtKind::Include {
            template,
            ignores_missing,
            has_context,
        })
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

    pub(super) fn import(&mut self) -> Outcome<StmtKind> {
        let (template, name, has_context) = self.import_parts()?;
        Ok(StmtKind::Import {
            template,
            name,
            has_context,
        })
    }

    pub(super) fn import_parts(&mut self) -> Outcome<(Expr, Rc<str>, bool)> {
        let template = self.expression()?;
        self.expect_name("as")?;
        let name = self.target_name()?;
        let has_context = self.import_context(false);
        Ok((template, name, has_context))
    }

    pub(super) fn named_import(&mut self) -> Outcome<StmtKind> {
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
                return Err(syntax(
                    "names starting with an underline can not be imported",
                ));
            }
            let alias = if self.skip_name("as") {
                self.target_name()?
            } else {
                name.clone()
            };
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
        Ok(StmtKind::FromImport {
            template,
            names,
            has_context,
        })
    }

    fn is_context_marker(&self) -> bool {
        (self.is_name("with") || self.is_name("without"))
            && matches!(self.peek_second(), TokenKind::Name(n) if n.as_ref() == "context")
    }

    pub(super) fn print(&mut self) -> Outcome<StmtKind> {
        let mut values = Vec::new();
        while *self.peek() != TokenKind::BlockEnd {
            if !values.is_empty() {
                self.expect_op(",")?;
            }
            values.push(self.expression()?);
        }
        Ok(StmtKind::Print(values))
    }

    pub(super) fn autoescape(&mut self) -> Outcome<StmtKind> {
        let _ = self.expression()?;
        Err(Fault::runtime(
            "the tag autoescape is not supported: Salt's templates are not HTML",
        ))
    }
}
