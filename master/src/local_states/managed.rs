//! `file.managed`: a file with this content, from the state itself or from `salt://`.

use std::path::Path;

use model::{Map, Value};
use storage::disk::{Kind, Metadata};

use super::files::{FILE_MODE, told};
use super::ownership::Owner;
use super::{Given, Machine, Outcome, Said, diff};

/// Permission bits with which a file begins that gets its own at the end.
const PRIVATE_MODE: u32 = 0o600;
/// Largest file that is copied.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

pub(super) fn managed(machine: &Machine, with: &Given<'_>) -> Outcome {
    let name = with.name();
    if name.is_empty() {
        return Err("Destination file name is required".to_owned());
    }
    if with.get("source").is_some_and(Value::is_truthy) && with.get("contents").is_some() {
        return Err(
            "'source' cannot be used in combination with 'contents', 'contents_pillar', or \
             'contents_grains'"
                .to_owned(),
        );
    }
    let contents = contents(with)?;
    let found = machine.at(name.as_ref())?;
    let kind = found.as_ref().map(|found| found.kind);
    if !with.flag("create", true) && kind != Some(Kind::File) {
        return Ok(Said::ok(format!(
            "File {name} is not present and is not set for creation"
        )));
    }
    let mode = with.get("mode");
    if mode.is_some_and(|mode| mode.to_text().eq_ignore_ascii_case("keep")) {
        return Err("mode: keep is not supported on the master".to_owned());
    }
    let owner = Owner::read(machine, with, mode)?;
    let path = with.path("file.managed")?;
    if kind == Some(Kind::Directory) {
        return Err(format!("Specified target {name} is a directory"));
    }
    let has_source = with.get("source").is_some_and(Value::is_truthy);
    let replaces = with.flag("replace", true) && (has_source || contents.is_some());
    if let Some(found) = found.as_ref().filter(|_| !replaces) {
        return kept(machine, &path, &owner, found, with);
    }
    let content = match contents {
        Some(text) => Some(text.into_bytes()),
        None if has_source => Some(source(machine, with)?),
        None => None,
    };
    match (found, with.is_test()) {
        (found, true) => would(machine, &path, &owner, (content, found), with),
        (Some(_), false) => update(machine, &path, &owner, content, with),
        (None, false) => create(machine, &path, owner, content, with),
    }
}

/// Joins `contents` to a text whose every line has an end.
fn contents(with: &Given<'_>) -> Result<Option<String>, String> {
    let parts: Vec<String> = match with.get("contents") {
        None => return Ok(None),
        Some(Value::List(parts)) => parts.iter().map(Value::to_text).collect(),
        Some(Value::Map(_)) => {
            return Err(
                "Contents specified by contents/contents_pillar/contents_grains is not a string \
                 or list of strings, and is not binary data. SLS is likely malformed."
                    .to_owned(),
            );
        }
        Some(single) => vec![single.to_text()],
    };
    let is_empty = parts.iter().all(String::is_empty);
    if is_empty && !with.flag("allow_empty", true) {
        return Err(
            "'contents' value would result in empty contents. Set allow_empty to True to allow \
             the managed file to be empty."
                .to_owned(),
        );
    }
    let lines = parts.iter().flat_map(|part| part.lines());
    let mut text: String = lines.map(|line| format!("{line}\n")).collect();
    if !with.flag("contents_newline", true) {
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
    }
    Ok(Some(text))
}

/// Reads the file that `source` names: the first of a list that is there.
fn source(machine: &Machine, with: &Given<'_>) -> Result<Vec<u8>, String> {
    let saltenv = with.text("saltenv").unwrap_or_else(|| "base".to_owned());
    let names: Vec<String> = match with.get("source") {
        Some(Value::List(names)) => names.iter().map(Value::to_text).collect(),
        Some(name) => vec![name.to_text()],
        None => Vec::new(),
    };
    for name in &names {
        let Some(path) = name.strip_prefix("salt://") else {
            return Err(format!(
                "Unable to manage file: the source '{name}' is not supported on the master, only \
                 salt:// is"
            ));
        };
        let (path, named) = match path.split_once("?saltenv=") {
            Some((path, named)) => (path, named),
            None => (path, saltenv.as_str()),
        };
        let found = machine.files.find(path, named).map_err(told)?;
        if let Some(found) = found {
            if found.metadata.bytes > FILE_BYTES_MAX {
                return Err(format!(
                    "Unable to manage file: {name} is larger than 64 MiB"
                ));
            }
            let content = machine.world.disk.read(&found.path).map_err(told)?;
            return content.ok_or_else(|| format!("Unable to manage file: {name} went away"));
        }
    }
    Err(match names.as_slice() {
        [one] => {
            format!("Unable to manage file: Source file {one} not found in saltenv '{saltenv}'")
        }
        _ => "Unable to manage file: none of the specified sources were found".to_owned(),
    })
}

/// A file whose content is left alone.
fn kept(
    machine: &Machine,
    path: &Path,
    owner: &Owner,
    found: &Metadata,
    with: &Given<'_>,
) -> Outcome {
    let name = with.name();
    if with.is_test() {
        let comment = format!("File {name} not updated");
        return Ok(Said {
            changes: owner.differences(found),
            ..Said::ok(comment)
        });
    }
    let changes = owner.apply(machine, path)?;
    let comment = if changes.is_empty() {
        format!("File {name} exists with proper permissions. No changes made.")
    } else {
        String::new()
    };
    Ok(Said {
        changes,
        ..Said::ok(comment)
    })
}

/// Says how the content changes, unless that is not to be shown.
fn difference(old: &[u8], new: &[u8], with: &Given<'_>) -> Option<String> {
    let told = diff::of_contents(old, new)?;
    let is_shown = with.flag("show_changes", true);
    Some(if is_shown {
        told
    } else {
        "<show_changes=False>".to_owned()
    })
}

fn would(
    machine: &Machine,
    path: &Path,
    owner: &Owner,
    (content, found): (Option<Vec<u8>>, Option<Metadata>),
    with: &Given<'_>,
) -> Outcome {
    let name = with.name();
    let changes = match found {
        None => Map::from([("newfile", name.as_str())]),
        Some(found) => {
            let mut changes = Map::new();
            if let Some(content) = content {
                let old = machine.world.disk.read(path).map_err(told)?;
                let told = difference(&old.unwrap_or_default(), &content, with);
                changes.extend(told.map(|told| ("diff", told)));
            }
            changes.extend(owner.differences(&found));
            changes
        }
    };
    if changes.is_empty() {
        return Ok(Said::ok(format!("The file {name} is in the correct state")));
    }
    let comment = format!(
        "The file {name} is set to be changed\nNote: No changes made, actual changes may\nbe \
         different due to other states."
    );
    Ok(Said {
        changes,
        ..Said::would(comment)
    })
}

fn update(
    machine: &Machine,
    path: &Path,
    owner: &Owner,
    content: Option<Vec<u8>>,
    with: &Given<'_>,
) -> Outcome {
    let mut changes = Map::new();
    if let Some(content) = content {
        let old = machine.world.disk.read(path).map_err(told)?;
        let old = old.unwrap_or_default();
        if let Some(change) = difference(&old, &content, with) {
            changes.insert("diff", change);
            machine.rewrite(path, &content)?;
        }
    }
    changes.extend(owner.apply(machine, path)?);
    let name = with.name();
    let comment = if changes.is_empty() {
        format!("File {name} is in the correct state")
    } else {
        format!("File {name} updated")
    };
    Ok(Said {
        changes,
        ..Said::ok(comment)
    })
}

fn create(
    machine: &Machine,
    path: &Path,
    mut owner: Owner,
    content: Option<Vec<u8>>,
    with: &Given<'_>,
) -> Outcome {
    let name = with.name();
    if !machine.is_directory(path.parent().unwrap_or(path))? {
        if !with.flag("makedirs", false) {
            return Err("Parent directory not present".to_owned());
        }
        let mode = with
            .get("dir_mode")
            .map(super::ownership::bits)
            .transpose()?;
        machine.make_above(path, mode.or(owner.mode.map(with_search)))?;
    }
    // A file of the state tree begins as a copy that nobody else may read, and is told to get the
    // usual permissions, as in Salt.
    let is_copy = with.get("source").is_some_and(Value::is_truthy);
    if is_copy {
        owner.mode.get_or_insert(FILE_MODE);
    }
    let mode = owner.mode.map_or(FILE_MODE, |_| PRIVATE_MODE);
    let bytes = content.as_deref().unwrap_or_default();
    machine.world.disk.write(path, bytes, mode).map_err(told)?;
    let mut said = match content {
        Some(_) => Said::ok(format!("File {name} updated")).changing("diff", "New file"),
        None => Said::ok("Empty file").changing("new", format!("file {name} created")),
    };
    said.changes.extend(owner.apply(machine, path)?);
    Ok(said)
}

/// Whoever may read or write a file may also search the directory that is made for it.
fn with_search(mode: u32) -> u32 {
    let bits = [0o700, 0o070, 0o007].into_iter();
    let bits = bits.map(|class| if mode & class == 0 { 0 } else { class & 0o111 });
    (mode & 0o777) | bits.sum::<u32>()
}
