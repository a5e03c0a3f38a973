//! `slsutil.*`: merging, rendering, data as text, and looking for files of the state tree.

use std::sync::Arc;

use model::{Map, Value};
use pillar::{Merge, Strategy};
use states::context::Context;
use states::renderers::render;

use super::grains::update;
use super::{Answer, Arguments, Family, MinionFunctions, bad, cp, failed, serial};
use states::context::FunctionError;

pub(super) const FAMILY: Family = Family {
    module: "slsutil",
    functions: &[
        "banner",
        "boolstr",
        "deserialize",
        "dir_exists",
        "file_exists",
        "findup",
        "merge",
        "merge_all",
        "path_exists",
        "renderer",
        "serialize",
        "update",
    ],
    call,
};

fn call(of: &MinionFunctions, fun: &str, arguments: &Arguments) -> Option<Answer> {
    Some(match fun {
        "boolstr" => arguments.required(0, "value").map(|value| {
            Value::Str(if value.is_truthy() {
                arguments.text(1, "true", "true")
            } else {
                arguments.text(2, "false", "false")
            })
        }),
        "merge" => merge(arguments),
        "merge_all" => merge_all(arguments),
        "update" => update_one(arguments),
        "renderer" => renderer(of, arguments),
        "serialize" => arguments
            .required_text(0, "serializer")
            .and_then(|name| serial::serialize(&name, arguments.required(1, "obj")?))
            .map(Value::Str),
        "deserialize" => arguments.required_text(0, "serializer").and_then(|name| {
            serial::deserialize(&name, &arguments.required_text(1, "stream_or_string")?)
        }),
        "banner" => banner(arguments),
        "file_exists" => exists(of, arguments, (true, false)),
        "dir_exists" => exists(of, arguments, (false, true)),
        "path_exists" => exists(of, arguments, (true, true)),
        "findup" => findup(of, arguments),
        _ => return None,
    })
}

fn merging(arguments: &Arguments, from: usize) -> Merge {
    let strategy = arguments.text(from, "strategy", "smart");
    let renderer = arguments.text(from + 1, "renderer", "yaml");
    Merge {
        strategy: Strategy::parse(&strategy, &renderer),
        joins_lists: arguments.is_on(from + 2, "merge_lists"),
    }
}

fn merge(arguments: &Arguments) -> Answer {
    let first = arguments.required_map(0, "obj_a")?.clone();
    let second = arguments.required_map(1, "obj_b")?.clone();
    Ok(merging(arguments, 2).merge(first, second).into())
}

fn merge_all(arguments: &Arguments) -> Answer {
    let maps = arguments.required(0, "lst")?;
    let maps = maps.as_list().ok_or_else(|| bad("'lst' must be a list"))?;
    let merging = merging(arguments, 1);
    let mut merged = Map::new();
    for map in maps {
        let map = map
            .as_map()
            .ok_or_else(|| bad("Cannot update using non-dict types in dictupdate.update()"))?;
        merged = merging.merge(merged, map.clone());
    }
    Ok(merged.into())
}

fn update_one(arguments: &Arguments) -> Answer {
    let mut dest = arguments.required_map(0, "dest")?.clone();
    let upd = arguments.required_map(1, "upd")?.clone();
    if arguments.is_on_or(2, "recursive_update", true) {
        update(&mut dest, upd, arguments.is_on(3, "merge_lists"));
    } else {
        dest.extend(upd);
    }
    Ok(dest.into())
}

fn renderer(of: &MinionFunctions, arguments: &Arguments) -> Answer {
    let path = arguments.given(0, "path").filter(|path| path.is_truthy());
    let string = arguments.given(1, "string").filter(|text| text.is_truthy());
    let pipe = arguments.text(2, "default_renderer", "jinja|yaml");
    let (text, path, saltenv) = match (path, string) {
        (None, None) => return Err(bad("Must pass either path or string")),
        (Some(_), Some(_)) => return Err(bad("Must not pass both path and string")),
        (Some(path), None) => {
            let saltenv = arguments.named.get("saltenv").map(Value::to_text);
            let (path, saltenv) = cp::address(&path.to_text(), saltenv.as_deref());
            let content = cp::content(of, &path, &saltenv)?;
            let missing = || failed(format!("there is no salt://{path} (saltenv {saltenv})"));
            let content = content.ok_or_else(missing)?;
            let text = String::from_utf8(content).map_err(|error| failed(error.to_string()))?;
            (text, path, saltenv)
        }
        (None, Some(text)) => (text.to_text(), String::new(), "base".to_owned()),
    };
    let given = ["path", "string", "default_renderer", "saltenv", "context"];
    let mut extra = Map::new();
    for (name, value) in arguments.named.iter() {
        if !given.contains(&name.to_text().as_str()) {
            extra.insert(name.clone(), value.clone());
        }
    }
    if let Some(Value::Map(context)) = arguments.named.get("context") {
        extra.extend(context.clone());
    }
    let context = Context {
        grains: of.grains.0.clone().into(),
        pillar: of.pillar.clone().into(),
        opts: Map::clone(&of.opts),
        saltenv,
        functions: Arc::new(of.clone()),
        extra,
        ..Context::empty()
    };
    let client = of.tools.files.client();
    let context = context.for_sls("", &path);
    render(&text, &pipe, &context, client.as_ref()).map_err(|error| failed(error.to_string()))
}

/// Says whether the state tree has a file, or a directory, of that path.
fn is_there(
    of: &MinionFunctions,
    path: &str,
    saltenv: &str,
    (files, directories): (bool, bool),
) -> Result<bool, FunctionError> {
    let error = |error: storage::Error| failed(error.to_string());
    let has = |list: Vec<String>| list.iter().any(|known| known == path);
    if files && has(of.tools.files.list(saltenv, "").map_err(error)?) {
        return Ok(true);
    }
    Ok(directories && has(of.tools.files.dir_list(saltenv, "").map_err(error)?))
}

fn exists(of: &MinionFunctions, arguments: &Arguments, what: (bool, bool)) -> Answer {
    let path = arguments.required_text(0, "path")?;
    let saltenv = arguments.text(1, "saltenv", "base");
    is_there(of, &path, &saltenv, what).map(Value::Bool)
}

/// Looks for one of some names in a folder and in those above it.
fn findup(of: &MinionFunctions, arguments: &Arguments) -> Answer {
    let start = arguments.text(0, "startpath", "");
    let mut start = start.trim_matches('/').to_owned();
    let saltenv = arguments.text(2, "saltenv", "base");
    let names = match arguments.required(1, "filenames")? {
        Value::Str(name) => vec![name.clone()],
        Value::List(names) => names.iter().map(Value::to_text).collect(),
        _ => {
            return Err(bad(
                "Filenames argument must be a string or list of strings",
            ));
        }
    };
    if !start.is_empty() && !is_there(of, &start, &saltenv, (true, true))? {
        return Err(bad(format!(
            "Starting path not found in the state tree: {start}"
        )));
    }
    loop {
        for name in &names {
            let path = match start.as_str() {
                "" => name.clone(),
                folder => format!("{folder}/{name}"),
            };
            if is_there(of, &path, &saltenv, (true, true))? {
                return Ok(Value::Str(path));
            }
        }
        if start.is_empty() {
            return Err(failed("File pattern(s) not found in path ancestry"));
        }
        start = start
            .rsplit_once('/')
            .map_or("", |(above, _)| above)
            .to_owned();
    }
}

/// Salt's words for the head of a managed file, which `slsutil.banner` must give byte for byte.
const TITLE: &str = "THIS FILE IS MANAGED BY SALT - DO NOT EDIT";
const TEXT: &str = "The contents of this file are managed by Salt. Any changes to this file may be \
    overwritten automatically and without warning.";

fn banner(arguments: &Arguments) -> Answer {
    let width = usize::try_from(arguments.number(0, "width", 72)?).unwrap_or(0);
    let comment = arguments.text(1, "commentchar", "#");
    let border = arguments.text(2, "borderchar", "#");
    let border: String = border.chars().take(1).collect();
    let title = arguments.text(5, "title", TITLE);
    let text = arguments.text(6, "text", TEXT);
    let (left, right) = (comment.trim_end(), comment.trim());
    let count = |text: &str| text.chars().count();
    let room = width.saturating_sub(count(left) + count(right) + 2);
    if room == 0 || width > 10_000 {
        return Err(bad("Width is too small to render banner"));
    }
    let edge = width.saturating_sub(count(left) + count(right));
    let spacer = " ".repeat(width.saturating_sub(2 * count(&comment)));
    let border = format!("{comment}{}{right}", border.repeat(edge));
    let spacer = format!("{comment}{spacer}{comment}");
    let mut lines: Vec<String> = Vec::new();
    lines.extend(arguments.given(3, "blockstart").map(Value::to_text));
    lines.extend([border.clone(), spacer.clone()]);
    for line in wrapped(&title, room) {
        lines.push(format!("{left} {} {right}", centred(&line, room)));
    }
    lines.push(spacer);
    for line in wrapped(&text, room) {
        let blank = " ".repeat(room - count(&line));
        lines.push(format!("{left} {line}{blank} {right}"));
    }
    lines.push(border);
    lines.extend(arguments.given(4, "blockend").map(Value::to_text));
    let mut banner = lines.join("\n");
    if arguments.is_on(7, "newline") {
        banner.push('\n');
    }
    Ok(Value::Str(banner))
}

/// Breaks text at blanks and behind hyphens, and words that are longer than a line anywhere.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let length = |text: &str| text.chars().count();
    for word in text.split_whitespace() {
        let mut pieces: Vec<&str> = word.split_inclusive('-').collect();
        let mut is_first = true;
        pieces.reverse();
        while let Some(piece) = pieces.pop() {
            let gap = usize::from(is_first && !line.is_empty());
            if length(&line) + gap + length(piece) <= width {
                line.push_str(if gap == 1 { " " } else { "" });
                line.push_str(piece);
            } else if length(piece) > width {
                // What is left of the line is used up.
                let free = width.saturating_sub(length(&line) + gap);
                if free == 0 {
                    lines.push(std::mem::take(&mut line));
                    pieces.push(piece);
                    continue;
                }
                let cut = piece
                    .char_indices()
                    .nth(free)
                    .map_or(piece.len(), |(at, _)| at);
                line.push_str(if gap == 1 { " " } else { "" });
                line.push_str(&piece[..cut]);
                lines.push(std::mem::take(&mut line));
                pieces.push(&piece[cut..]);
            } else {
                lines.push(std::mem::take(&mut line));
                line.push_str(piece);
            }
            is_first = false;
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// Puts blanks on both sides as Python's `center` does.
fn centred(text: &str, width: usize) -> String {
    let blank = width - text.chars().count();
    let left = blank / 2 + (blank & width & 1);
    format!("{}{text}{}", " ".repeat(left), " ".repeat(blank - left))
}
