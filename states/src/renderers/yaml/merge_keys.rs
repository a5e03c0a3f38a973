//! The merge key `<<`, with Salt's precedence: a mapping's own keys win, and of several merged
//! mappings the first one listed wins, even where PyYAML alone would report a conflict.

use std::collections::HashSet;
use std::rc::Rc;

use super::compose::{Content, Node, Tag};
use super::{Fault, Mark};

type Pairs = Vec<(Rc<Node>, Rc<Node>)>;

/// Replaces merge keys by the pairs they stand for. The merged pairs come first, as in PyYAML.
pub(super) fn flatten(pairs: &Pairs, mark: Mark) -> Result<Pairs, Box<Fault>> {
    if !pairs.iter().any(|(key, _)| key.tag == Tag::Merge) {
        return Ok(pairs.clone());
    }
    let mut merged = Pairs::new();
    let mut own = Pairs::new();
    for (key, value) in pairs {
        if key.tag != Tag::Merge {
            own.push((key.clone(), value.clone()));
            continue;
        }
        match &value.content {
            Content::Mapping(inner) => merged.extend(flatten(inner, value.mark)?),
            Content::Sequence(items) => {
                let mut lists = Vec::with_capacity(items.len());
                for item in items {
                    let Content::Mapping(inner) = &item.content else {
                        let found = item.kind();
                        let problem = format!("expected a mapping for merging, but found {found}");
                        return Err(Fault::new(problem, item.mark).in_mapping(mark));
                    };
                    lists.push(flatten(inner, item.mark)?);
                }
                merged.extend(lists.into_iter().rev().flatten());
            }
            Content::Scalar(_) => {
                let problem =
                    "expected a mapping or list of mappings for merging, but found scalar";
                return Err(Fault::new(problem, value.mark).in_mapping(mark));
            }
        }
    }
    let own_keys: HashSet<&str> = own.iter().filter_map(|(key, _)| scalar_text(key)).collect();
    merged.retain(|(key, _)| scalar_text(key).is_none_or(|text| !own_keys.contains(text)));
    merged.append(&mut own);
    Ok(merged)
}

fn scalar_text(node: &Node) -> Option<&str> {
    match &node.content {
        Content::Scalar(text) => Some(text),
        _ => None,
    }
}
