//! `file.append`: lines at the end of a file, unless they are in it.

use fancy_regex::Regex;
use model::Value;

use super::files::told;
use super::{Given, Machine, Outcome, Said, diff, files};

pub(super) fn append(machine: &Machine, with: &Given<'_>) -> Outcome {
    let path = with.path("file.append")?;
    let name = with.name();
    let disk = &machine.world.disk;
    if machine.at(&path)?.is_none() {
        let touched = files::touch(machine, with);
        if with.is_test() {
            return touched;
        }
        touched.map_err(|_| format!("{name}: file not found"))?;
    }
    let old = disk.read(&path).map_err(told)?.unwrap_or_default();
    let old = String::from_utf8(old)
        .map_err(|_| format!("{name} is no text of UTF-8, to which lines could be appended"))?;
    let chunks: Vec<String> = match with.get("text") {
        Some(Value::List(chunks)) => chunks.iter().map(Value::to_text).collect(),
        Some(text) => vec![text.to_text()],
        None => return Err("No text found to append. Nothing appended".to_owned()),
    };
    let mut added: Vec<&str> = Vec::new();
    for chunk in &chunks {
        if !holds(&old, chunk, with.flag("ignore_whitespace", true))? {
            added.extend(chunk.lines());
        }
    }
    let mut new = old.clone();
    if !added.is_empty() && !new.is_empty() && !new.ends_with('\n') {
        new.push('\n');
    }
    for line in &added {
        new.push_str(line);
        new.push('\n');
    }
    let told_change = diff::of_lines(&old, &new);
    if with.is_test() {
        return Ok(match told_change {
            Some(change) => {
                Said::would(format!("File {name} is set to be updated")).changing("diff", change)
            }
            None => Said::ok(format!("File {name} is in correct state")),
        });
    }
    if added.is_empty() {
        return Ok(Said::ok(format!("File {name} is in correct state")));
    }
    machine.rewrite(&path, new.as_bytes())?;
    let mut said = Said::ok(format!("Appended {} lines", added.len()));
    said.changes
        .extend(told_change.map(|change| ("diff", change)));
    Ok(said)
}

/// Says whether a text is in a file: its lines as whole lines, with any space between its words.
/// Without `ignore_whitespace` it is a regular expression, as in Salt.
fn holds(content: &str, chunk: &str, ignores_space: bool) -> Result<bool, String> {
    let pattern = if ignores_space {
        let lines = chunk.lines().map(|line| {
            let words: Vec<String> = words(line, chunk)
                .iter()
                .map(|word| fancy_regex::escape(word).into_owned())
                .collect();
            format!(r"\s*{}\s*", words.join(r"\s*"))
        });
        format!("(?m)^{}$", lines.collect::<String>())
    } else {
        format!("(?m){chunk}")
    };
    let regex = Regex::new(&pattern).map_err(|error| format!("'{chunk}': {error}"))?;
    regex.is_match(content).map_err(|error| error.to_string())
}

/// Splits a line into words; where a text has both kinds of quotes, what stands between double
/// ones is one word.
fn words(line: &str, chunk: &str) -> Vec<String> {
    let has_quotes = chunk.contains('\'') && chunk.contains('"');
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let end = if has_quotes && rest.starts_with('"') {
            rest[1..].find('"').map_or(rest.len(), |at| at + 2)
        } else {
            rest.find(char::is_whitespace).unwrap_or(rest.len())
        };
        words.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
    words
}
