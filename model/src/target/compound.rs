//! Compound targets: `G@os:SUSE and not ( web* or E@db\d+ )`.
//!
//! Words are matchers, `and`, `or`, `not` and parentheses. Salt reads them with Python's
//! precedence: `not` binds first, then `and`, then `or`.

use super::{Candidate, InvalidTarget, Target, TargetType, Value};

/// Deepest nesting of parentheses.
const DEPTH_MAX: usize = 64;

/// Says whether a minion is meant by a compound expression.
pub(super) fn matches(text: &str, candidate: Candidate<'_>) -> Result<bool, InvalidTarget> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut parser = Parser {
        text,
        words: &words,
        at: 0,
        depth: 0,
        candidate,
    };
    let result = parser.either()?;
    if parser.at < words.len() {
        return Err(parser.error("words are left over"));
    }
    Ok(result)
}

struct Parser<'a> {
    text: &'a str,
    words: &'a [&'a str],
    at: usize,
    depth: usize,
    candidate: Candidate<'a>,
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

    fn either(&mut self) -> Result<bool, InvalidTarget> {
        let mut result = self.both()?;
        while self.takes("or") {
            result |= self.both()?;
        }
        Ok(result)
    }

    fn both(&mut self) -> Result<bool, InvalidTarget> {
        let mut result = self.one()?;
        while self.takes("and") {
            result &= self.one()?;
        }
        Ok(result)
    }

    fn one(&mut self) -> Result<bool, InvalidTarget> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.error("nested too deeply"));
        }
        let result = self.one_nested();
        self.depth -= 1;
        result
    }

    fn one_nested(&mut self) -> Result<bool, InvalidTarget> {
        if self.takes("not") {
            return Ok(!self.one()?);
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
        matcher(word)?.matches(self.candidate)
    }
}

fn matcher(word: &str) -> Result<Target, InvalidTarget> {
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
