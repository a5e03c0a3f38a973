//! Tokens to expressions, with Jinja's precedence.

use std::rc::Rc;

use super::ast::{Arguments, BinaryOp, CompareOp, Expr, FilterCall};
use super::fault::Outcome;
use super::lexer::TokenKind;
use super::parser::{Parser, syntax};
use super::value::Py;

impl Parser {
    pub(super) fn expression(&mut self) -> Outcome<Expr> {
        self.nested(Self::conditional)
    }

    /// Reads `a` or `a, b`. `with_conditional` says whether `x if y` may stand in it.
    pub(super) fn tuple(&mut self, with_conditional: bool) -> Outcome<Expr> {
        self.tuple_ending(with_conditional, &[])
    }

    /// The same, ended by further names too.
    pub(super) fn tuple_ending(&mut self, with_conditional: bool, ends: &[&str]) -> Outcome<Expr> {
        match self.tuple_items(with_conditional, ends)? {
            (items, true) => Ok(Expr::Tuple(items)),
            (mut items, false) => match items.pop() {
                Some(item) => Ok(item),
                None => {
                    let found = self.peek().describe();
                    Err(syntax(format!("Expected an expression, got '{found}'")))
                }
            },
        }
    }

    fn tuple_items(&mut self, with_conditional: bool, ends: &[&str]) -> Outcome<(Vec<Expr>, bool)> {
        let mut items = Vec::new();
        let mut is_tuple = false;
        loop {
            if !items.is_empty() {
                self.expect_op(",")?;
            }
            if self.is_tuple_end(ends) {
                break;
            }
            items.push(if with_conditional {
                self.expression()?
            } else {
                self.nested(Self::or)?
            });
            if !self.is_op(",") {
                break;
            }
            is_tuple = true;
        }
        Ok((items, is_tuple))
    }

    fn is_tuple_end(&self, ends: &[&str]) -> bool {
        match self.peek() {
            TokenKind::VariableEnd | TokenKind::BlockEnd | TokenKind::Op(")") => true,
            TokenKind::Name(name) => ends.contains(&name.as_ref()),
            _ => false,
        }
    }

    fn conditional(&mut self) -> Outcome<Expr> {
        let mut then = self.or()?;
        while self.skip_name("if") {
            let test = Box::new(self.or()?);
            let otherwise = if self.skip_name("else") {
                Some(Box::new(self.expression()?))
            } else {
                None
            };
            then = Expr::Conditional {
                test,
                then: Box::new(then),
                otherwise,
            };
        }
        Ok(then)
    }

    fn or(&mut self) -> Outcome<Expr> {
        let mut left = self.and()?;
        while self.skip_name("or") {
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Outcome<Expr> {
        let mut left = self.not()?;
        while self.skip_name("and") {
            left = Expr::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Outcome<Expr> {
        if self.skip_name("not") {
            return Ok(Expr::Not(Box::new(self.nested(Self::not)?)));
        }
        self.compare()
    }

    fn compare(&mut self) -> Outcome<Expr> {
        let first = self.sum()?;
        let mut others = Vec::new();
        loop {
            let op = match self.peek() {
                TokenKind::Op("==") => CompareOp::Eq,
                TokenKind::Op("!=") => CompareOp::Ne,
                TokenKind::Op("<") => CompareOp::Lt,
                TokenKind::Op("<=") => CompareOp::Le,
                TokenKind::Op(">") => CompareOp::Gt,
                TokenKind::Op(">=") => CompareOp::Ge,
                TokenKind::Name(name) if name.as_ref() == "in" => CompareOp::In,
                TokenKind::Name(name) if name.as_ref() == "not" && self.is_second_in() => {
                    self.advance();
                    CompareOp::NotIn
                }
                _ => break,
            };
            self.advance();
            others.push((op, self.sum()?));
        }
        Ok(if others.is_empty() {
            first
        } else {
            Expr::Compare(Box::new(first), others)
        })
    }

    fn is_second_in(&self) -> bool {
        matches!(self.peek_second(), TokenKind::Name(name) if name.as_ref() == "in")
    }

    fn sum(&mut self) -> Outcome<Expr> {
        let mut left = self.concat()?;
        loop {
            let op = match self.peek() {
                TokenKind::Op("+") => BinaryOp::Add,
                TokenKind::Op("-") => BinaryOp::Sub,
                _ => return Ok(left),
            };
            self.advance();
            left = Expr::Binary(op, Box::new(left), Box::new(self.concat()?));
        }
    }

    fn concat(&mut self) -> Outcome<Expr> {
        let first = self.product()?;
        if !self.is_op("~") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.skip_op("~") {
            parts.push(self.product()?);
        }
        Ok(Expr::Concat(parts))
    }

    fn product(&mut self) -> Outcome<Expr> {
        let mut left = self.power()?;
        loop {
            let op = match self.peek() {
                TokenKind::Op("*") => BinaryOp::Mul,
                TokenKind::Op("/") => BinaryOp::Div,
                TokenKind::Op("//") => BinaryOp::FloorDiv,
                TokenKind::Op("%") => BinaryOp::Mod,
                _ => return Ok(left),
            };
            self.advance();
            left = Expr::Binary(op, Box::new(left), Box::new(self.power()?));
        }
    }

    fn power(&mut self) -> Outcome<Expr> {
        let mut left = self.unary(true)?;
        while self.skip_op("**") {
            left = Expr::Binary(BinaryOp::Pow, Box::new(left), Box::new(self.unary(true)?));
        }
        Ok(left)
    }

    fn unary(&mut self, with_filters: bool) -> Outcome<Expr> {
        let node = if self.skip_op("-") {
            Expr::Negative(Box::new(self.nested(|parser| parser.unary(false))?))
        } else if self.skip_op("+") {
            Expr::Positive(Box::new(self.nested(|parser| parser.unary(false))?))
        } else {
            self.primary()?
        };
        let node = self.postfix(node)?;
        if with_filters {
            self.filters_and_tests(node)
        } else {
            Ok(node)
        }
    }

    fn primary(&mut self) -> Outcome<Expr> {
        let value = match self.peek().clone() {
            TokenKind::Name(name) => {
                self.advance();
                return Ok(match name.as_ref() {
                    "true" | "True" => Expr::Const(Py::Bool(true)),
                    "false" | "False" => Expr::Const(Py::Bool(false)),
                    "none" | "None" => Expr::Const(Py::None),
                    _ => {
                        if let Some(seen) = self.seen.last_mut() {
                            seen.push(name.clone());
                        }
                        Expr::Name(name)
                    }
                });
            }
            TokenKind::Text(_) => return Ok(Expr::Const(self.adjacent_strings())),
            TokenKind::Int(int) => Py::Int(int),
            TokenKind::Float(float) => Py::Float(float),
            TokenKind::Op("(") => {
                self.advance();
                let items = self.nested(|parser| parser.tuple_items(true, &[]))?;
                self.expect_op(")")?;
                return Ok(match items {
                    (mut items, false) if items.len() == 1 => items.remove(0),
                    (items, _) => Expr::Tuple(items),
                });
            }
            TokenKind::Op("[") => return self.nested(Self::list),
            TokenKind::Op("{") => return self.nested(Self::dict),
            other => return Err(syntax(format!("unexpected '{}'", other.describe()))),
        };
        self.advance();
        Ok(Expr::Const(value))
    }

    fn adjacent_strings(&mut self) -> Py {
        let mut whole = String::new();
        while let TokenKind::Text(text) = self.peek() {
            whole.push_str(text);
            self.advance();
        }
        Py::from(whole)
    }

    fn list(&mut self) -> Outcome<Expr> {
        self.advance();
        let mut items = Vec::new();
        while !self.is_op("]") {
            if !items.is_empty() {
                self.expect_op(",")?;
            }
            if self.is_op("]") {
                break;
            }
            items.push(self.expression()?);
        }
        self.expect_op("]")?;
        Ok(Expr::List(items))
    }

    fn dict(&mut self) -> Outcome<Expr> {
        self.advance();
        let mut pairs = Vec::new();
        while !self.is_op("}") {
            if !pairs.is_empty() {
                self.expect_op(",")?;
            }
            if self.is_op("}") {
                break;
            }
            let key = self.expression()?;
            self.expect_op(":")?;
            pairs.push((key, self.expression()?));
        }
        self.expect_op("}")?;
        Ok(Expr::Dict(pairs))
    }

    fn postfix(&mut self, mut node: Expr) -> Outcome<Expr> {
        loop {
            node = match self.peek() {
                TokenKind::Op(".") => {
                    self.advance();
                    match self.advance() {
                        TokenKind::Name(name) => Expr::Attribute(Box::new(node), name),
                        TokenKind::Int(int) => {
                            Expr::Item(Box::new(node), Box::new(Expr::Const(Py::Int(int))))
                        }
                        _ => return Err(syntax("expected name or number")),
                    }
                }
                TokenKind::Op("[") => self.nested(|parser| parser.subscript(node))?,
                TokenKind::Op("(") => {
                    let args = self.nested(Self::arguments)?;
                    Expr::Call(Box::new(node), args)
                }
                _ => return Ok(node),
            };
        }
    }

    fn subscript(&mut self, node: Expr) -> Outcome<Expr> {
        self.advance();
        let mut parts: Vec<Result<Expr, Box<[Option<Expr>; 3]>>> = Vec::new();
        let mut is_tuple = false;
        while !self.is_op("]") {
            if !parts.is_empty() {
                self.expect_op(",")?;
                is_tuple = true;
            }
            parts.push(self.subscribed()?);
        }
        self.expect_op("]")?;
        if is_tuple {
            let items: Option<Vec<Expr>> = parts.into_iter().map(Result::ok).collect();
            let items = items.ok_or_else(|| syntax("a slice cannot be part of a tuple"))?;
            return Ok(Expr::Item(Box::new(node), Box::new(Expr::Tuple(items))));
        }
        match parts.pop() {
            Some(Ok(item)) => Ok(Expr::Item(Box::new(node), Box::new(item))),
            Some(Err(slice)) => Ok(Expr::Slice(Box::new(node), slice)),
            None => Ok(Expr::Item(
                Box::new(node),
                Box::new(Expr::Tuple(Vec::new())),
            )),
        }
    }

    /// Reads an index, or the three parts of a slice.
    fn subscribed(&mut self) -> Outcome<Result<Expr, Box<[Option<Expr>; 3]>>> {
        let start = if self.skip_op(":") {
            None
        } else {
            let node = self.expression()?;
            if !self.skip_op(":") {
                return Ok(Ok(node));
            }
            Some(node)
        };
        let is_end = |parser: &Self| parser.is_op("]") || parser.is_op(",");
        let stop = if is_end(self) || self.is_op(":") {
            None
        } else {
            Some(self.expression()?)
        };
        let mut step = None;
        if self.skip_op(":") && !is_end(self) {
            step = Some(self.expression()?);
        }
        Ok(Err(Box::new([start, stop, step])))
    }

    fn arguments(&mut self) -> Outcome<Arguments> {
        self.expect_op("(")?;
        let mut args = Arguments::default();
        let bad = || syntax("invalid syntax for function call expression");
        let mut needs_comma = false;
        while !self.is_op(")") {
            if needs_comma {
                self.expect_op(",")?;
                if self.is_op(")") {
                    break;
                }
            }
            if self.skip_op("*") {
                if args.star.is_some() || args.double_star.is_some() {
                    return Err(bad());
                }
                args.star = Some(Box::new(self.expression()?));
            } else if self.skip_op("**") {
                if args.double_star.is_some() {
                    return Err(bad());
                }
                args.double_star = Some(Box::new(self.expression()?));
            } else if matches!(self.peek_second(), TokenKind::Op("="))
                && matches!(self.peek(), TokenKind::Name(_))
            {
                if args.double_star.is_some() {
                    return Err(bad());
                }
                let name = self.any_name()?;
                self.advance();
                args.named.push((name, self.expression()?));
            } else {
                if args.star.is_some() || args.double_star.is_some() || !args.named.is_empty() {
                    return Err(bad());
                }
                args.positional.push(self.expression()?);
            }
            needs_comma = true;
        }
        self.expect_op(")")?;
        Ok(args)
    }

    fn filters_and_tests(&mut self, mut node: Expr) -> Outcome<Expr> {
        loop {
            if self.skip_op("|") {
                let call = self.filter_call()?;
                node = Expr::Filter(Box::new(node), call);
            } else if self.skip_name("is") {
                node = self.test(node)?;
            } else if self.is_op("(") {
                let args = self.nested(Self::arguments)?;
                node = Expr::Call(Box::new(node), args);
            } else {
                return Ok(node);
            }
        }
    }

    /// Reads a filter's name and arguments.
    pub(super) fn filter_call(&mut self) -> Outcome<FilterCall> {
        let name = self.dotted_name()?;
        let args = if self.is_op("(") {
            self.nested(Self::arguments)?
        } else {
            Arguments::default()
        };
        Ok(FilterCall { name, args })
    }

    fn dotted_name(&mut self) -> Outcome<Rc<str>> {
        let mut name = self.any_name()?.to_string();
        while self.skip_op(".") {
            name.push('.');
            name.push_str(&self.any_name()?);
        }
        Ok(Rc::from(name))
    }

    fn test(&mut self, node: Expr) -> Outcome<Expr> {
        let is_negated = self.skip_name("not");
        let name = self.dotted_name()?;
        let mut args = Arguments::default();
        let takes_argument = match self.peek() {
            TokenKind::Op("(") => {
                args = self.nested(Self::arguments)?;
                false
            }
            TokenKind::Name(word) => !matches!(word.as_ref(), "else" | "or" | "and"),
            TokenKind::Text(_) | TokenKind::Int(_) | TokenKind::Float(_) => true,
            TokenKind::Op("[" | "{") => true,
            _ => false,
        };
        if takes_argument {
            if self.is_name("is") {
                return Err(syntax("You cannot chain multiple tests with is"));
            }
            let argument = self.nested(Self::primary)?;
            args.positional.push(self.postfix(argument)?);
        }
        let test = Expr::Test(Box::new(node), name, args);
        Ok(if is_negated {
            Expr::Not(Box::new(test))
        } else {
            test
        })
    }
}
