//! Compound targets: `G@os:SUSE and not ( web* or E@db\d+ )`.
//!
//! Words are matchers, `and`, `or`, `not` and parentheses. Salt reads them with Python's
//! precedence: `not` binds first, then `and`, then `or`.

use super::{Candidate, InvalidTarget, Matcher, Target, TargetType, Value};

/// Deepest nesting of parentheses.
const DEPTH_MAX: usize = 64;

/// A compound expression that was read.
#[derive(Debug)]
pub(super) enum Expression {
    One(Box<Matcher>),
    Not(Box<Expression>),
    Both(Vec<Expression>),
    Either(Vec<Expression>),
}

impl Expression {
    /// Says whether a minion is meant.
    pub(super) fn matches(&self, candidate: Candidate<'_>) -> Result<bool, InvalidTarget> {
        match self {
            Self::One(matcher) => matcher.matches(candidate),
            Self::Not(inner) => Ok(!inner.matches(candidate)?),
            Self::Both(parts) => {
                for part in parts {
                    if !part.matches(candidate)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Either(parts) => {
                for part in parts {
                    if part.matches(candidate)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }
}

/// Reads a compound expression.
pub(super) fn parse(text: &str) -> Result<Expression, InvalidTarget> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut parser = Parser {
        text,
        words: &words,
        at: 0,
        depth: 0,
    };
    let expression = parser.either()?;
    if parser.at < words.len() {
        return Err(parser.error("words are left over"));
    }
    Ok(expression)
}

struct Parser<'a> {
    text: &'a str,
    words: &'a [&'a str],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn error(&self, problem: &str) -> InvalidTarget {
        InvalidTarget::Expression(self.text.to_owned(), problem.to_owned())
    }

    fn takes(&mut self, word: &str) -> bool {
        let is_next = self.words.get(self.at) == Some(&word);
        self.at += usize::from(is_next);
        is_next
    }

    fn either(&mut self) -> Result<Expression, InvalidTarget> {
        let mut parts = vec![self.both()?];
        while self.takes("or") {
            parts.push(self.both()?);
        }
        Ok(Expression::Either(parts))
    }

    fn both(&mut self) -> Result<Expression, InvalidTarget> {
        let mut parts = vec![self.one()?];
        while self.takes("and") {
            parts.push(self.one()?);
        }
        Ok(Expression::Both(parts))
    }

    fn one(&mut self) -> Result<Expression, InvalidTarget> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error("nested too deeply"));
        }
        let result = self.one_nested();
        self.depth -= 1;
        result
    }

    fn one_nested(&mut self) -> Result<Expression, InvalidTarget> {
        if self.takes("not") {
            return Ok(Expression::Not(Box::new(self.one()?)));
        }
        if self.takes("(") {
            let result = self.either()?;
            return if self.takes(")") {
                Ok(result)
            } else {
                Err(self.error("missing )"))
            };
        }
        let Some(word) = self.words.get(self.at) else {
            return Err(self.error("ends where a matcher is expected"));
        };
        if matches!(*word, "and" | "or" | ")") {
            return Err(self.error(&format!("{word} stands where a matcher is expected")));
        }
        self.at += 1;
        Ok(Expression::One(Box::new(target(word)?.matcher()?)))
    }
}

fn target(word: &str) -> Result<Target, InvalidTarget> {
    let (tgt_type, rest) = match word.split_once('@') {
        Some(("G", rest)) => (TargetType::Grain, rest),
        Some(("P", rest)) => (TargetType::GrainPcre, rest),
        Some(("I", rest)) => (TargetType::Pillar, rest),
        Some(("J", rest)) => (TargetType::PillarPcre, rest),
        Some(("L", rest)) => (TargetType::List, rest),
        Some(("S", rest)) => (TargetType::Ipcidr, rest),
        Some(("E", rest)) => (TargetType::Pcre, rest),
        Some((letter @ ("N" | "D" | "R" | "T" | "M"), _)) => {
            return Err(InvalidTarget::Type(format!("{letter}@")));
        }
        _ => (TargetType::Glob, word),
    };
    Ok(Target {
        tgt: Value::str(rest),
        tgt_type,
    })
}
