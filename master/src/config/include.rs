//! Which files make up the configuration, and in which order.
//!
//! `DIR/master` first; then the files of `default_include` (`master.d/*.conf`), sorted; then those
//! of `include`. Files of one include are merged with each other; the include as a whole replaces
//! what came before.

use std::path::{Path, PathBuf};

use model::Value;
use storage::disk::{DiskRead, Kind};

use super::path_glob;
use super::raw::Raw;
use super::{Error, Problem};

/// What Salt reads besides the main file unless told otherwise.
const DEFAULT_INCLUDE: &str = "master.d/*.conf";

/// Includes in includes. Nobody nests deeper on purpose; a circle ends here.
const DEPTH_MAX: usize = 8;

/// Reads everything under `-c DIR`.
pub(super) fn read_all(dir: &Path, disk: &dyn DiskRead) -> Result<Raw, Error> {
    let is_directory = disk
        .metadata(dir)?
        .is_some_and(|found| found.kind == Kind::Directory);
    if !is_directory {
        return Err(Error::NoDirectory(dir.to_owned()));
    }
    let main = dir.join("master");
    let mut raw = match disk.read(&main)? {
        Some(text) => Raw::parse(&main, &text)?,
        None => Raw::default(),
    };
    let default_include = match patterns(&raw, "default_include")? {
        Some(patterns) => patterns,
        None => vec![DEFAULT_INCLUDE.to_owned()],
    };
    let include = patterns(&raw, "include")?.unwrap_or_default();
    for patterns in [default_include, include] {
        let included = read_patterns(&patterns, dir, disk, 1)?;
        raw.replace_with(included);
    }
    Ok(raw)
}

fn read_patterns(
    patterns: &[String],
    dir: &Path,
    disk: &dyn DiskRead,
    depth: usize,
) -> Result<Raw, Error> {
    let mut all = Raw::default();
    for pattern in patterns {
        for file in path_glob::matches(&dir.join(pattern), disk)? {
            let read = read_included(&file, disk, depth)?;
            all.merge(read);
        }
    }
    Ok(all)
}

fn read_included(file: &Path, disk: &dyn DiskRead, depth: usize) -> Result<Raw, Error> {
    if depth > DEPTH_MAX {
        let file = file.to_owned();
        return Err(Error::IncludedTooDeep {
            file,
            depth_max: DEPTH_MAX,
        });
    }
    // A directory that happens to match is no file; a file removed meanwhile is none either.
    let is_file = disk
        .metadata(file)?
        .is_some_and(|found| found.kind == Kind::File);
    let Some(text) = (if is_file { disk.read(file)? } else { None }) else {
        return Ok(Raw::default());
    };
    let mut raw = Raw::parse(file, &text)?;
    if let Some(patterns) = patterns(&raw, "include")? {
        let dir = file.parent().map(PathBuf::from).unwrap_or_default();
        let included = read_patterns(&patterns, &dir, disk, depth.saturating_add(1))?;
        raw.replace_with(included);
    }
    Ok(raw)
}

/// Gives the path patterns that an option holds: one, or a list.
fn patterns(raw: &Raw, option: &str) -> Result<Option<Vec<String>>, Error> {
    let Some(written) = raw.get(option) else {
        return Ok(None);
    };
    let texts = |list: &[Value]| -> Option<Vec<String>> {
        list.iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect()
    };
    let found = match &written.value {
        Value::Nil => Some(Vec::new()),
        Value::Str(pattern) if pattern.is_empty() => Some(Vec::new()),
        Value::Str(pattern) => Some(vec![pattern.clone()]),
        Value::List(list) => texts(list),
        _ => None,
    };
    found.map(Some).ok_or_else(|| {
        Error::Problems(vec![Problem {
            file: written.file.clone(),
            line: written.line,
            option: option.to_owned(),
            expected: "a path or a list of paths".to_owned(),
            got: super::setting::describe(&written.value),
        }])
    })
}
