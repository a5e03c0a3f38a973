//! Events to a tree of nodes: tags resolved, aliases followed, marks kept.
//!
//! An alias shares its node; what it would weigh written out is counted, so that a few lines cannot
//! become gigabytes.

use std::collections::HashMap;
use std::rc::Rc;

use libyaml_safer::{Encoding, Event, EventData, Parser, ScalarStyle};

use super::{Fault, Mark, scalars};

/// Deeper nesting is refused; Python's own loader ends near a depth of 300 with a recursion error.
const MAX_DEPTH: usize = 200;

/// The most a document may weigh with every alias written out: one per node and one per 64 bytes of
/// text. It bounds the result to some hundred megabytes.
const MAX_WEIGHT: u64 = 2_000_000;

const BYTES_PER_WEIGHT: usize = 64;

/// A piece of a document.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) content: Content,
    pub(super) tag: Tag,
    pub(super) mark: Mark,
    weight: u64,
}

#[derive(Debug)]
pub(super) enum Content {
    Scalar(String),
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<(Rc<Node>, Rc<Node>)>),
}

/// The tags that Salt's loader knows; all others are an error when the node is constructed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tag {
    Null,
    Bool,
    Int,
    Float,
    Str,
    Binary,
    Timestamp,
    Merge,
    Value,
    Seq,
    Map,
    Set,
    Omap,
    Pairs,
    Other(String),
}

impl Tag {
    fn parse(text: &str) -> Self {
        match text.strip_prefix("tag:yaml.org,2002:") {
            Some("null") => Tag::Null,
            Some("bool") => Tag::Bool,
            Some("int") => Tag::Int,
            Some("float") => Tag::Float,
            Some("str" | "python/unicode") => Tag::Str,
            Some("binary") => Tag::Binary,
            Some("timestamp") => Tag::Timestamp,
            Some("merge") => Tag::Merge,
            Some("value") => Tag::Value,
            Some("seq") => Tag::Seq,
            Some("map") => Tag::Map,
            Some("set") => Tag::Set,
            Some("omap") => Tag::Omap,
            Some("pairs") => Tag::Pairs,
            _ => Tag::Other(text.to_owned()),
        }
    }

    /// Writes the tag in full, for messages.
    pub(super) fn full(&self) -> String {
        let short = match self {
            Tag::Null => "null",
            Tag::Bool => "bool",
            Tag::Int => "int",
            Tag::Float => "float",
            Tag::Str => "str",
            Tag::Binary => "binary",
            Tag::Timestamp => "timestamp",
            Tag::Merge => "merge",
            Tag::Value => "value",
            Tag::Seq => "seq",
            Tag::Map => "map",
            Tag::Set => "set",
            Tag::Omap => "omap",
            Tag::Pairs => "pairs",
            Tag::Other(tag) => return tag.clone(),
        };
        format!("tag:yaml.org,2002:{short}")
    }
}

impl Node {
    /// Names the kind of node as PyYAML does.
    pub(super) fn kind(&self) -> &'static str {
        match self.content {
            Content::Scalar(_) => "scalar",
            Content::Sequence(_) => "sequence",
            Content::Mapping(_) => "mapping",
        }
    }
}

/// Reads the one document of a text; `None` if there is none.
pub(super) fn single_document(text: &str) -> Result<Option<Rc<Node>>, Box<Fault>> {
    // The scanner has places where it panics instead of failing: a backslash that ends the text
    // inside double quotes is one. Everything it works on is made here, so nothing broken is left
    // behind.
    let read = std::panic::AssertUnwindSafe(|| read_document(text));
    std::panic::catch_unwind(read).unwrap_or_else(|_| {
        let last = text.lines().count().saturating_sub(1) as u64;
        let problem = if text.ends_with('\\') {
            "found unknown escape character"
        } else {
            "the document cannot be read as YAML (the scanner gave up)"
        };
        let mut fault = Fault::new(
            problem,
            Mark {
                line: last,
                column: 0,
            },
        );
        fault.is_from_scanner = true;
        Err(fault)
    })
}

fn read_document(text: &str) -> Result<Option<Rc<Node>>, Box<Fault>> {
    // The scanner takes any character that begins like a byte order mark for a broken one.
    let mut bytes = text.strip_prefix('\u{feff}').unwrap_or(text).as_bytes();
    let mut parser = Parser::new();
    parser.set_encoding(Encoding::Utf8);
    parser.set_input_string(&mut bytes);
    let mut composer = Composer {
        parser,
        text,
        anchors: HashMap::new(),
    };
    let mut document = None;
    let mut start = Mark::default();
    loop {
        let (event, mark) = composer.next()?;
        match event.data {
            EventData::StreamEnd => return Ok(document),
            EventData::DocumentStart { .. } if document.is_some() => {
                let mut fault = Fault::new("but found another document", mark);
                fault.context =
                    Some(("expected a single document in the stream".to_owned(), start));
                return Err(fault);
            }
            EventData::DocumentStart { .. } => {
                let (event, mark) = composer.next()?;
                start = mark;
                document = Some(composer.node(event, mark, 0)?);
            }
            _ => {}
        }
    }
}

struct Composer<'r, 'b> {
    parser: Parser<&'r mut &'b [u8]>,
    text: &'b str,
    /// `None` while the anchored node is still open: an alias to it would be a circle.
    anchors: HashMap<String, (Option<Rc<Node>>, Mark)>,
}

impl Composer<'_, '_> {
    fn next(&mut self) -> Result<(Event, Mark), Box<Fault>> {
        let event = self
            .parser
            .parse()
            .map_err(|error| self.scanner_fault(&error))?;
        let mark = mark_of(event.start_mark);
        Ok((event, mark))
    }

    fn scanner_fault(&self, error: &libyaml_safer::Error) -> Box<Fault> {
        let mark = error.problem_mark().map(mark_of).unwrap_or_default();
        let mut fault = Fault::new(error.problem(), mark);
        fault.is_from_scanner = error.kind() == libyaml_safer::ErrorKind::Scanner;
        if error.problem() == "found character that cannot start any token"
            && self.character_at(mark) == Some('\t')
        {
            fault.problem = "Illegal tab character".to_owned();
        }
        if let (Some(context), Some(mark)) = (error.context(), error.context_mark()) {
            fault.context = Some((context.to_owned(), mark_of(mark)));
        }
        fault
    }

    fn character_at(&self, mark: Mark) -> Option<char> {
        let line = self.text.lines().nth(usize::try_from(mark.line).ok()?)?;
        line.chars().nth(usize::try_from(mark.column).ok()?)
    }

    fn node(&mut self, event: Event, mark: Mark, depth: usize) -> Result<Rc<Node>, Box<Fault>> {
        if depth > MAX_DEPTH {
            let problem = format!("the document is nested deeper than {MAX_DEPTH} levels");
            return Err(Fault::limit(problem, mark));
        }
        match event.data {
            EventData::Alias { anchor } => self.alias(&anchor, mark),
            EventData::Scalar {
                anchor,
                tag,
                value,
                plain_implicit,
                style,
                ..
            } => {
                let is_plain = plain_implicit && style == ScalarStyle::Plain;
                let tag = match tag.as_deref() {
                    None | Some("!") if !is_plain => Tag::Str,
                    None | Some("!") => scalars::resolve(&value),
                    Some(tag) => Tag::parse(tag),
                };
                let weight = 1 + (value.len() / BYTES_PER_WEIGHT) as u64;
                self.open(anchor.as_deref(), mark)?;
                self.close(
                    anchor,
                    Node {
                        content: Content::Scalar(value),
                        tag,
                        mark,
                        weight,
                    },
                )
            }
            EventData::SequenceStart { anchor, tag, .. } => {
                self.open(anchor.as_deref(), mark)?;
                let (items, weight) = self.items(depth)?;
                let tag = collection_tag(tag, Tag::Seq);
                self.close(
                    anchor,
                    Node {
                        content: Content::Sequence(items),
                        tag,
                        mark,
                        weight,
                    },
                )
            }
            EventData::MappingStart { anchor, tag, .. } => {
                self.open(anchor.as_deref(), mark)?;
                let (pairs, weight) = self.pairs(depth)?;
                let tag = collection_tag(tag, Tag::Map);
                self.close(
                    anchor,
                    Node {
                        content: Content::Mapping(pairs),
                        tag,
                        mark,
                        weight,
                    },
                )
            }
            _ => Err(Fault::new("expected a node", mark)),
        }
    }

    fn alias(&self, anchor: &str, mark: Mark) -> Result<Rc<Node>, Box<Fault>> {
        match self.anchors.get(anchor) {
            Some((Some(node), _)) => Ok(node.clone()),
            Some((None, _)) => Err(Fault::new("found unconstructable recursive node", mark)),
            None => Err(Fault::new("found undefined alias", mark)),
        }
    }

    fn items(&mut self, depth: usize) -> Result<(Vec<Rc<Node>>, u64), Box<Fault>> {
        let mut items = Vec::new();
        let mut weight = 1;
        loop {
            let (event, mark) = self.next()?;
            if event.data == EventData::SequenceEnd {
                return Ok((items, weight));
            }
            let item = self.node(event, mark, depth + 1)?;
            weight += item.weight;
            items.push(item);
            check_weight(weight, mark)?;
        }
    }

    #[expect(
        clippy::type_complexity,
        reason = "the pairs of a mapping and their weight"
    )]
    fn pairs(&mut self, depth: usize) -> Result<(Vec<(Rc<Node>, Rc<Node>)>, u64), Box<Fault>> {
        let mut pairs = Vec::new();
        let mut weight = 1;
        loop {
            let (event, mark) = self.next()?;
            if event.data == EventData::MappingEnd {
                return Ok((pairs, weight));
            }
            let key = self.node(event, mark, depth + 1)?;
            let (event, mark) = self.next()?;
            let value = self.node(event, mark, depth + 1)?;
            weight += key.weight + value.weight;
            pairs.push((key, value));
            check_weight(weight, mark)?;
        }
    }

    fn open(&mut self, anchor: Option<&str>, mark: Mark) -> Result<(), Box<Fault>> {
        let Some(anchor) = anchor else { return Ok(()) };
        if let Some((_, first)) = self.anchors.get(anchor) {
            let mut fault = Fault::new("second occurrence", mark);
            fault.context = Some((
                "found duplicate anchor; first occurrence".to_owned(),
                *first,
            ));
            return Err(fault);
        }
        self.anchors.insert(anchor.to_owned(), (None, mark));
        Ok(())
    }

    fn close(&mut self, anchor: Option<String>, node: Node) -> Result<Rc<Node>, Box<Fault>> {
        let node = Rc::new(node);
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, (Some(node.clone()), node.mark));
        }
        Ok(node)
    }
}

fn collection_tag(tag: Option<String>, usual: Tag) -> Tag {
    match tag.as_deref() {
        None | Some("!") => usual,
        Some(tag) => Tag::parse(tag),
    }
}

fn check_weight(weight: u64, mark: Mark) -> Result<(), Box<Fault>> {
    if weight > MAX_WEIGHT {
        let problem = format!("the document expands to more than {MAX_WEIGHT} nodes");
        return Err(Fault::limit(problem, mark));
    }
    Ok(())
}

fn mark_of(mark: libyaml_safer::Mark) -> Mark {
    Mark {
        line: mark.line,
        column: mark.column,
    }
}
