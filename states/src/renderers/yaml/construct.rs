//! Nodes to data: one constructor per tag, duplicate keys refused.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::GeneralPurpose;
use model::{Map, Value};

use super::compose::{Content, Node, Tag};
use super::{Fault, Mark, merge_keys, scalars};

/// Makes the value of a node and of all below it. The composer has bounded depth and size.
pub(super) fn construct(node: &Node) -> Result<Value, Box<Fault>> {
    match (&node.content, &node.tag) {
        (Content::Scalar(text), tag) => scalar(text, tag, node.mark),
        (Content::Sequence(items), Tag::Seq) => Ok(Value::List(
            items
                .iter()
                .map(|item| construct(item))
                .collect::<Result<_, _>>()?,
        )),
        (Content::Sequence(items), Tag::Pairs) => Ok(Value::List(
            items
                .iter()
                .map(|item| pair(item, node))
                .collect::<Result<_, _>>()?,
        )),
        (Content::Mapping(pairs), Tag::Map | Tag::Omap) => Ok(Value::Map(mapping(
            &merge_keys::flatten(pairs, node.mark)?,
            node.mark,
        )?)),
        (Content::Mapping(pairs), Tag::Set) => {
            let map = mapping(&merge_keys::flatten(pairs, node.mark)?, node.mark)?;
            Ok(Value::List(map.into_iter().map(|(key, _)| key).collect()))
        }
        (_, Tag::Map | Tag::Omap | Tag::Set) => Err(expected("mapping", node)),
        (_, Tag::Seq | Tag::Pairs) => Err(expected("sequence", node)),
        (Content::Mapping(pairs), tag) if is_scalar_tag(tag) => {
            // PyYAML's rule for `{=: text}` under a scalar tag.
            match pairs.iter().find(|(key, _)| key.tag == Tag::Value) {
                Some((_, value)) => match &value.content {
                    Content::Scalar(text) => scalar(text, tag, node.mark),
                    _ => Err(expected("scalar", value)),
                },
                None => Err(expected("scalar", node)),
            }
        }
        (_, tag) if is_scalar_tag(tag) => Err(expected("scalar", node)),
        (_, tag) => Err(no_constructor(tag, node.mark)),
    }
}

fn is_scalar_tag(tag: &Tag) -> bool {
    !matches!(tag, Tag::Other(_) | Tag::Merge | Tag::Value)
}

fn expected(what: &str, node: &Node) -> Box<Fault> {
    Fault::new(
        format!("expected a {what} node, but found {}", node.kind()),
        node.mark,
    )
}

fn no_constructor(tag: &Tag, mark: Mark) -> Box<Fault> {
    let tag = tag.full();
    Fault::new(
        format!("could not determine a constructor for the tag '{tag}'"),
        mark,
    )
}

fn scalar(text: &str, tag: &Tag, mark: Mark) -> Result<Value, Box<Fault>> {
    match tag {
        Tag::Null => Ok(Value::Nil),
        Tag::Str | Tag::Timestamp => Ok(Value::Str(text.to_owned())),
        Tag::Bool => scalars::bool_value(text)
            .ok_or_else(|| Fault::new(format!("'{text}' is not a boolean"), mark)),
        Tag::Int => scalars::int_value(text).ok_or_else(|| {
            let problem = if text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-')
            {
                format!("the integer {text} needs more than 128 bits")
            } else {
                format!("invalid literal for int() with base 10: '{text}'")
            };
            Fault::new(problem, mark)
        }),
        Tag::Float => scalars::float_value(text).ok_or_else(|| {
            Fault::new(format!("could not convert string to float: '{text}'"), mark)
        }),
        Tag::Binary => binary(text, mark),
        Tag::Map | Tag::Omap | Tag::Set => Err(Fault::new(
            "expected a mapping node, but found scalar",
            mark,
        )),
        Tag::Seq | Tag::Pairs => Err(Fault::new(
            "expected a sequence node, but found scalar",
            mark,
        )),
        Tag::Merge | Tag::Value | Tag::Other(_) => Err(no_constructor(tag, mark)),
    }
}

/// Python's decoder skips what is not of the alphabet and stops at the padding.
fn binary(text: &str, mark: Mark) -> Result<Value, Box<Fault>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireCanonical),
    );
    if let Some(character) = text.chars().find(|character| !character.is_ascii()) {
        let problem = format!(
            "failed to convert base64 data into ascii: 'ascii' codec can't encode character {}",
            Value::str(character).repr()
        );
        return Err(Fault::new(problem, mark));
    }
    let clean: String = text
        .chars()
        .filter(|character| character.is_ascii_alphanumeric() || "+/=".contains(*character))
        .collect();
    LENIENT
        .decode(clean)
        .map(Value::Bytes)
        .map_err(|error| Fault::new(format!("failed to decode base64 data: {error}"), mark))
}

/// One entry of `!!pairs`: a mapping of length 1.
fn pair(item: &Node, list: &Node) -> Result<Value, Box<Fault>> {
    let with_context = |mut fault: Box<Fault>| {
        fault.context = Some(("while constructing pairs".to_owned(), list.mark));
        fault
    };
    let Content::Mapping(pairs) = &item.content else {
        let problem = format!("expected a mapping of length 1, but found {}", item.kind());
        return Err(with_context(Fault::new(problem, item.mark)));
    };
    let [(key, value)] = pairs.as_slice() else {
        let problem = format!(
            "expected a single mapping item, but found {} items",
            pairs.len()
        );
        return Err(with_context(Fault::new(problem, item.mark)));
    };
    Ok(Value::List(vec![construct(key)?, construct(value)?]))
}

fn mapping(
    pairs: &[(std::rc::Rc<Node>, std::rc::Rc<Node>)],
    mark: Mark,
) -> Result<Map, Box<Fault>> {
    let mut map = Map::new();
    let mut seen: HashSet<Value> = HashSet::with_capacity(pairs.len());
    for (key_node, value_node) in pairs {
        let key = match &key_node.content {
            // `{=: 1}` is an ordinary key in a mapping.
            Content::Scalar(text) if key_node.tag == Tag::Value => Value::Str(text.clone()),
            _ => construct(key_node)?,
        };
        if matches!(key, Value::List(_) | Value::Map(_)) {
            let problem = format!(
                "found unacceptable key (a {} cannot be a key; possible double curly-brace)",
                key_node.kind()
            );
            return Err(Fault::new(problem, key_node.mark).in_mapping(mark));
        }
        let value = construct(value_node)?;
        if !seen.insert(as_python_compares(&key)) {
            let problem = format!("found conflicting ID '{}'", key.to_text());
            return Err(Fault::new(problem, key_node.mark).in_mapping(mark));
        }
        map.insert(key, value);
    }
    Ok(map)
}

/// Brings keys that Python holds for equal (`1`, `1.0` and `True`) to one form.
fn as_python_compares(key: &Value) -> Value {
    match key {
        Value::Bool(bool) => Value::Int((*bool).into()),
        Value::Float(float) if float.fract() == 0.0 && float.abs() < 1e30 => {
            Value::Int(*float as i128)
        }
        other => other.clone(),
    }
}
