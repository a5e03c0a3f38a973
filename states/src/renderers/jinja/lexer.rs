//! A template's text to tokens, with Jinja's rules for whitespace, raw blocks and comments.

use std::rc::Rc;

use super::environment::Options;
use super::escapes;
use super::fault::{Fault, FaultKind, Outcome};

/// A token and the line it begins on, from 1.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) line: usize,
    pub(super) kind: TokenKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    Data(Rc<str>),
    BlockBegin,
    BlockEnd,
    VariableBegin,
    VariableEnd,
    Name(Rc<str>),
    Text(Rc<str>),
    Int(i128),
    Float(f64),
    Op(&'static str),
    End,
}

impl TokenKind {
    /// Writes the token as Jinja's messages do.
    pub(super) fn describe(&self) -> String {
        match self {
            TokenKind::Data(_) => "template data / text".to_owned(),
            TokenKind::BlockBegin => "begin of statement block".to_owned(),
            TokenKind::BlockEnd => "end of statement block".to_owned(),
            TokenKind::VariableBegin => "begin of print statement".to_owned(),
            TokenKind::VariableEnd => "end of print statement".to_owned(),
            TokenKind::Name(name) => name.to_string(),
            TokenKind::Text(_) => "string".to_owned(),
            TokenKind::Int(_) => "integer".to_owned(),
            TokenKind::Float(_) => "float".to_owned(),
            TokenKind::Op(op) => (*op).to_owned(),
            TokenKind::End => "end of template".to_owned(),
        }
    }
}

/// The operators, longest first.
const OPERATORS: [&str; 26] = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}",
    ">", "<", "=", ".", ":", "|", ",", ";",
];

/// Cuts a text into tokens; the last is [`TokenKind::End`].
pub(super) fn tokenize(text: &str, options: &Options) -> Result<Vec<Token>, (usize, Box<Fault>)> {
    let text = normalise_newlines(text, options.keeps_trailing_newline);
    let mut lexer = Lexer {
        text: &text,
        at: 0,
        line: 1,
        options,
        tokens: Vec::new(),
        openings: [None; 3],
    };
    match lexer.run() {
        Ok(()) => Ok(lexer.tokens),
        Err(fault) => Err((lexer.line, fault)),
    }
}

fn normalise_newlines(text: &str, keeps_trailing: bool) -> String {
    let mut text = text.replace("\r\n", "\n").replace('\r', "\n");
    if !keeps_trailing && text.ends_with('\n') {
        text.pop();
    }
    text
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    options: &'a Options,
    tokens: Vec<Token>,
    /// Where the next opening of a block, a variable and a comment stands, if it was looked for:
    /// the end of the text, if there is none.
    openings: [Option<usize>; 3],
}

/// What begins where plain text ends.
#[derive(Clone, Copy, PartialEq)]
enum Begin {
    Block,
    Variable,
    Comment,
    LineStatement,
    LineComment,
}

fn syntax(message: impl Into<String>) -> Box<Fault> {
    Fault::new(FaultKind::Syntax, message)
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn push(&mut self, kind: TokenKind) {
        self.tokens.push(Token {
            line: self.line,
            kind,
        });
    }

    /// Moves on, counting lines.
    fn skip(&mut self, bytes: usize) {
        let skipped = &self.rest()[..bytes];
        self.line += skipped.bytes().filter(|byte| *byte == b'\n').count();
        self.at += bytes;
    }

    fn run(&mut self) -> Outcome<()> {
        while self.at < self.text.len() {
            match self.find_begin() {
                None => {
                    let rest = self.rest();
                    self.data(rest);
                    self.skip(rest.len());
                }
                Some((offset, begin, length)) => self.begin(offset, begin, length)?,
            }
        }
        self.push(TokenKind::End);
        Ok(())
    }

    fn data(&mut self, text: &str) {
        if !text.is_empty() {
            self.push(TokenKind::Data(Rc::from(text)));
        }
    }

    /// Finds the next tag: where it is, what it is, and how long its opening is.
    fn find_begin(&mut self) -> Option<(usize, Begin, usize)> {
        let options = self.options;
        let at = self.at;
        let kinds = [&options.block, &options.variable, &options.comment];
        let [block, variable, comment] = [0, 1, 2].map(|kind| {
            let place = self.opening(kind, &kinds[kind].0);
            place.map(|place| place - at)
        });
        let mut found: Option<(usize, Begin, usize)> = None;
        let mut offer = |offset: Option<usize>, begin: Begin, length: usize| {
            let Some(offset) = offset else { return };
            let is_better = found.is_none_or(|(best, _, best_length)| {
                offset < best || (offset == best && length > best_length)
            });
            if is_better {
                found = Some((offset, begin, length));
            }
        };
        offer(block, Begin::Block, options.block.0.len());
        offer(variable, Begin::Variable, options.variable.0.len());
        offer(comment, Begin::Comment, options.comment.0.len());
        if let Some(prefix) = &options.line_statement_prefix
            && let Some((offset, length)) = self.find_line_prefix(prefix, true)
        {
            offer(Some(offset), Begin::LineStatement, length);
        }
        if let Some(prefix) = &options.line_comment_prefix
            && let Some((offset, length)) = self.find_line_prefix(prefix, false)
        {
            offer(Some(offset), Begin::LineComment, length);
        }
        found
    }

    /// Finds the next opening of a kind. It is looked for once: most texts have no comment, and
    /// would be read to their end for each tag.
    fn opening(&mut self, kind: usize, opening: &str) -> Option<usize> {
        let (text, at) = (self.text, self.at);
        let known = self.openings[kind].filter(|place| *place >= at);
        let place = known.unwrap_or_else(|| {
            let found = text[at..].find(opening);
            found.map_or(text.len(), |offset| at + offset)
        });
        self.openings[kind] = Some(place);
        (place < text.len()).then_some(place)
    }

    /// Finds a prefix behind nothing but blanks on its line; a comment's prefix may stand behind
    /// text.
    fn find_line_prefix(&self, prefix: &str, needs_line_start: bool) -> Option<(usize, usize)> {
        let rest = self.rest();
        let mut from = 0;
        while let Some(found) = rest[from..].find(prefix) {
            let offset = from + found;
            let before = &self.text[..self.at + offset];
            let blanks = before.len() - before.trim_end_matches([' ', '\t', '\x0b']).len();
            let is_line_start =
                before[..before.len() - blanks].ends_with('\n') || before.len() == blanks;
            if is_line_start || !needs_line_start {
                let blanks = blanks.min(offset);
                return Some((offset - blanks, blanks + prefix.len()));
            }
            from = offset + prefix.len();
        }
        None
    }

    fn begin(&mut self, offset: usize, begin: Begin, length: usize) -> Outcome<()> {
        let before = &self.rest()[..offset];
        let sign = self.rest()[offset + length..].bytes().next();
        let takes_sign = !matches!(begin, Begin::LineStatement | Begin::LineComment);
        let sign = sign.filter(|byte| takes_sign && matches!(byte, b'-' | b'+'));
        let shown = match sign {
            Some(b'-') => before.trim_end(),
            Some(_) => before,
            None if self.options.lstrips_blocks && begin != Begin::Variable => {
                self.lstripped(before)
            }
            None => before,
        };
        self.data(shown);
        self.skip(offset + length + usize::from(sign.is_some()));
        match begin {
            Begin::Comment => self.comment(),
            Begin::LineComment => {
                let end = self.rest().find('\n').unwrap_or(self.rest().len());
                self.skip(end);
                Ok(())
            }
            Begin::Block if self.raw_head().is_some() => self.raw(),
            Begin::Block => {
                self.push(TokenKind::BlockBegin);
                self.tag(TokenKind::BlockEnd)
            }
            Begin::Variable => {
                self.push(TokenKind::VariableBegin);
                self.tag(TokenKind::VariableEnd)
            }
            Begin::LineStatement => {
                self.push(TokenKind::BlockBegin);
                self.line_statement()
            }
        }
    }

    /// Takes the blanks before a tag away if nothing else is on the line before it.
    fn lstripped<'t>(&self, before: &'t str) -> &'t str {
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let is_line_start = line_start > 0 || self.text[..self.at].ends_with('\n') || self.at == 0;
        if is_line_start && before[line_start..].chars().all(char::is_whitespace) {
            &before[..line_start]
        } else {
            before
        }
    }

    fn comment(&mut self) -> Outcome<()> {
        let rest = self.rest();
        let end = rest
            .find(&self.options.comment.1)
            .ok_or_else(|| syntax("Missing end of comment tag"))?;
        let strips = rest[..end].ends_with('-');
        self.skip(end + self.options.comment.1.len());
        let keeps = rest[..end].ends_with('+');
        self.behind_tag(strips, keeps);
        Ok(())
    }

    /// Skips what the end of a tag takes with it.
    fn behind_tag(&mut self, strips: bool, keeps: bool) {
        let rest = self.rest();
        if strips {
            self.skip(rest.len() - rest.trim_start().len());
        } else if self.options.trims_blocks && !keeps && rest.starts_with('\n') {
            self.skip(1);
        }
    }

    /// Gives the length of ` raw %}` behind a block's opening, and whether it strips.
    fn raw_head(&self) -> Option<(usize, bool)> {
        let rest = self.rest();
        let word = rest.trim_start().strip_prefix("raw")?.trim_start();
        let strips = word.starts_with('-');
        let word = word.strip_prefix('-').unwrap_or(word);
        let end = word.strip_prefix(self.options.block.1.as_str())?;
        Some((rest.len() - end.len(), strips))
    }

    fn raw(&mut self) -> Outcome<()> {
        let (head, strips) = self.raw_head().unwrap_or_default();
        self.skip(head);
        // `trim_blocks` does not take the line break behind it, unlike behind other tags.
        self.behind_tag(strips, true);
        let start = self.at;
        let mut from = 0;
        while let Some(found) = self.text[start + from..].find(&self.options.block.0) {
            let open = start + from + found;
            let inner = &self.text[open + self.options.block.0.len()..];
            let sign = inner
                .bytes()
                .next()
                .filter(|byte| matches!(byte, b'-' | b'+'));
            let word = inner[usize::from(sign.is_some())..].trim_start();
            let end = word.strip_prefix("endraw").map(str::trim_start);
            let end = end.map(|end| {
                (
                    end.chars().next(),
                    end.strip_prefix(['-', '+']).unwrap_or(end),
                )
            });
            let behind = end.and_then(|(sign, end)| {
                end.strip_prefix(self.options.block.1.as_str())
                    .map(|behind| (sign, behind))
            });
            if let Some((end_sign, behind)) = behind {
                let raw = &self.text[start..open];
                let shown = match sign {
                    Some(b'-') => raw.trim_end(),
                    None if self.options.lstrips_blocks => self.lstripped(raw),
                    _ => raw,
                };
                self.data(shown);
                let length = self.text.len() - behind.len() - self.at;
                self.skip(length);
                self.behind_tag(end_sign == Some('-'), end_sign == Some('+'));
                return Ok(());
            }
            from += found + self.options.block.0.len();
        }
        if start == self.text.len() {
            return Ok(());
        }
        Err(syntax("Missing end of raw directive"))
    }

    /// Reads the inside of a tag up to its end.
    fn tag(&mut self, end: TokenKind) -> Outcome<()> {
        let closing = if end == TokenKind::BlockEnd {
            self.options.block.1.as_str()
        } else {
            self.options.variable.1.as_str()
        };
        let mut open: Vec<&'static str> = Vec::new();
        loop {
            let blanks = self.rest().len() - self.rest().trim_start().len();
            self.skip(blanks);
            let rest = self.rest();
            if rest.is_empty() {
                return Ok(());
            }
            if open.is_empty() {
                let sign = rest
                    .bytes()
                    .next()
                    .filter(|byte| *byte == b'-' || (*byte == b'+' && end == TokenKind::BlockEnd));
                let behind_sign = &rest[usize::from(sign.is_some())..];
                if sign.is_some() && behind_sign.starts_with(closing) || rest.starts_with(closing) {
                    let sign = sign.filter(|_| behind_sign.starts_with(closing));
                    self.push(end.clone());
                    self.skip(closing.len() + usize::from(sign.is_some()));
                    let is_block = end == TokenKind::BlockEnd;
                    if sign == Some(b'-') || is_block {
                        self.behind_tag(sign == Some(b'-'), sign == Some(b'+'));
                    }
                    return Ok(());
                }
            }
            self.token(&mut open)?;
        }
    }

    fn line_statement(&mut self) -> Outcome<()> {
        let mut open: Vec<&'static str> = Vec::new();
        loop {
            let rest = self.rest();
            let is_end = rest.is_empty() || rest.starts_with('\n');
            if is_end && open.is_empty() {
                self.push(TokenKind::BlockEnd);
                self.skip(usize::from(!rest.is_empty()));
                return Ok(());
            }
            let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\x0b']).len();
            if blanks > 0 {
                self.skip(blanks);
            } else if is_end {
                self.skip(usize::from(!rest.is_empty()));
                if rest.is_empty() {
                    return Ok(());
                }
            } else {
                self.token(&mut open)?;
            }
        }
    }

    fn token(&mut self, open: &mut Vec<&'static str>) -> Outcome<()> {
        let rest = self.rest();
        let first = rest.chars().next().unwrap_or('\0');
        if first.is_ascii_digit() {
            let is_behind_dot = self.text[..self.at].ends_with('.');
            let (kind, length) = number(rest, is_behind_dot)?;
            self.push(kind);
            self.skip(length);
            return Ok(());
        }
        if first == '_' || first.is_alphabetic() {
            let length = rest
                .find(|c: char| c != '_' && !c.is_alphanumeric())
                .unwrap_or(rest.len());
            self.push(TokenKind::Name(Rc::from(&rest[..length])));
            self.skip(length);
            return Ok(());
        }
        if matches!(first, '\'' | '"')
            && let Some(length) = string_length(rest, first)
        {
            let text = escapes::decode(&rest[1..length - 1])?;
            self.push(TokenKind::Text(Rc::from(text)));
            self.skip(length);
            return Ok(());
        }
        let Some(op) = OPERATORS.iter().copied().find(|op| rest.starts_with(op)) else {
            let shown = super::text::quoted(first.encode_utf8(&mut [0; 4]));
            return Err(syntax(format!("unexpected char {shown} at {}", self.at)));
        };
        match op {
            "(" => open.push(")"),
            "[" => open.push("]"),
            "{" => open.push("}"),
            ")" | "]" | "}" => match open.pop() {
                None => return Err(syntax(format!("unexpected '{op}'"))),
                Some(expected) if expected != op => {
                    return Err(syntax(format!("unexpected '{op}', expected '{expected}'")));
                }
                Some(_) => {}
            },
            _ => {}
        }
        self.push(TokenKind::Op(op));
        self.skip(op.len());
        Ok(())
    }
}

/// Gives the length of a string literal with its quotes.
fn string_length(text: &str, quote: char) -> Option<usize> {
    let mut characters = text.char_indices().skip(1);
    while let Some((index, character)) = characters.next() {
        if character == '\\' {
            characters.next()?;
        } else if character == quote {
            return Some(index + 1);
        }
    }
    None
}

/// Reads a number as Python writes them: `1_000`, `0x1f`, `1.5e-3`. Behind a dot it is an index.
fn number(text: &str, is_behind_dot: bool) -> Outcome<(TokenKind, usize)> {
    let digits = |text: &str, is_digit: fn(&u8) -> bool| {
        let bytes = text.as_bytes();
        let mut length = 0;
        while length < bytes.len() {
            if is_digit(&bytes[length]) {
                length += 1;
            } else if bytes[length] == b'_' && bytes.get(length + 1).is_some_and(is_digit) {
                length += 2;
            } else {
                break;
            }
        }
        length
    };
    let lower = text.get(..2).map(str::to_ascii_lowercase);
    for (prefix, radix) in [("0b", 2), ("0o", 8), ("0x", 16)] {
        if lower.as_deref() == Some(prefix) {
            let is_digit: fn(&u8) -> bool = match radix {
                2 => |byte| matches!(byte, b'0' | b'1'),
                8 => |byte| matches!(byte, b'0'..=b'7'),
                _ => u8::is_ascii_hexdigit,
            };
            let length = digits(&text[2..], is_digit);
            if length > 0 {
                let plain = text[2..2 + length].replace('_', "");
                return int(&plain, radix).map(|kind| (kind, 2 + length));
            }
        }
    }
    let whole = digits(text, u8::is_ascii_digit);
    if !is_behind_dot {
        let mut length = whole;
        let rest = &text[length..];
        let mut is_float = false;
        if rest.starts_with('.') && rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
            length += 1 + digits(&rest[1..], u8::is_ascii_digit);
            is_float = true;
        }
        if let Some(exponent) = text[length..].strip_prefix(['e', 'E']) {
            let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            let count = digits(unsigned, u8::is_ascii_digit);
            if count > 0 {
                length += 1 + (exponent.len() - unsigned.len()) + count;
                is_float = true;
            }
        }
        if is_float {
            let plain = text[..length].replace('_', "");
            let float = plain
                .parse()
                .map_err(|_| syntax(format!("bad number {plain}")))?;
            return Ok((TokenKind::Float(float), length));
        }
    }
    // `012` is two tokens in Jinja, which is a syntax error one step later.
    let length = if text.starts_with('0') {
        digits(text, |byte| *byte == b'0')
    } else {
        whole
    };
    int(&text[..length].replace('_', ""), 10).map(|kind| (kind, length))
}

fn int(digits: &str, radix: u32) -> Outcome<TokenKind> {
    i128::from_str_radix(digits, radix)
        .map(TokenKind::Int)
        .map_err(|_| Fault::limit(format!("the integer {digits} needs more than 128 bits")))
}
