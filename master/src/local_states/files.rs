//! `file.absent`, `directory`, `exists`, `missing`, `symlink`, `touch`.

use std::path::Path;

use model::{Map, Value};
use storage::disk::{Kind, Metadata};

use super::ownership::{self, Owner};
use super::{Given, Machine, Outcome, Said};

/// Permission bits of a directory for which none are asked.
const DIRECTORY_MODE: u32 = 0o755;
/// Permission bits of a file for which none are asked.
pub(super) const FILE_MODE: u32 = 0o644;

pub(super) fn told(error: storage::Error) -> String {
    error.to_string()
}

impl Machine {
    /// Says what is at the end of all links.
    pub(super) fn at(&self, path: &Path) -> Result<Option<Metadata>, String> {
        self.world.disk.metadata(path).map_err(told)
    }

    /// Says what is at the path itself.
    pub(super) fn link_at(&self, path: &Path) -> Result<Option<Metadata>, String> {
        self.world.disk.link_metadata(path).map_err(told)
    }

    pub(super) fn is_directory(&self, path: &Path) -> Result<bool, String> {
        let found = self.at(path)?;
        Ok(found.is_some_and(|found| found.kind == Kind::Directory))
    }

    /// Gives a file, at the end of its links, new content; owner and permissions stay.
    pub(super) fn rewrite(&self, path: &Path, content: &[u8]) -> Result<(), String> {
        let disk = &self.world.disk;
        let real = disk.resolve(path).map_err(told)?;
        let real = real.unwrap_or_else(|| path.to_owned());
        let found = self.at(&real)?;
        let mode = found.as_ref().map_or(FILE_MODE, Metadata::permissions);
        disk.write(&real, content, mode).map_err(told)?;
        if let Some(found) = found {
            let (uid, gid) = (Some(found.uid), Some(found.gid));
            disk.set_owner(&real, uid, gid).map_err(told)?;
        }
        Ok(())
    }

    /// Makes the directories above a path.
    pub(super) fn make_above(&self, path: &Path, mode: Option<u32>) -> Result<(), String> {
        let Some(above) = path.parent() else {
            return Ok(());
        };
        let mode = mode.unwrap_or(DIRECTORY_MODE);
        self.world.disk.make_directory(above, mode).map_err(told)
    }
}

/// Says whether something is at a path. Where the configuration allows nothing more, only in the
/// directories where templates may look.
pub(super) fn is_there(machine: &Machine, path: &str) -> Result<bool, String> {
    if machine.may_act {
        return Ok(machine.at(path.as_ref())?.is_some());
    }
    let functions = (machine.functions)();
    for fun in ["file.file_exists", "file.directory_exists"] {
        let answer = functions
            .call(fun, vec![path.into()], Map::new())
            .map_err(|error| error.to_string())?;
        if answer.is_truthy() {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn exists(machine: &Machine, with: &Given<'_>) -> Outcome {
    let name = with.name();
    if is_there(machine, &name)? {
        Ok(Said::ok(format!("Path {name} exists")))
    } else {
        Err(format!("Specified path {name} does not exist"))
    }
}

pub(super) fn missing(machine: &Machine, with: &Given<'_>) -> Outcome {
    let name = with.name();
    if is_there(machine, &name)? {
        Err(format!("Specified path {name} exists"))
    } else {
        Ok(Said::ok(format!("Path {name} is missing")))
    }
}

pub(super) fn absent(machine: &Machine, with: &Given<'_>) -> Outcome {
    let path = with.path("file.absent")?;
    let name = with.name();
    if path == Path::new("/") {
        return Err("Refusing to make \"/\" absent".to_owned());
    }
    let Some(found) = machine.link_at(&path)? else {
        return Ok(Said::ok(format!("File {name} is not present")));
    };
    let is_directory = found.kind == Kind::Directory;
    if with.is_test() {
        let what = if is_directory { "Directory" } else { "File" };
        let would = format!("{what} {name} is set for removal");
        return Ok(Said::would(would).changing("removed", name));
    }
    machine.world.disk.remove_tree(&path).map_err(told)?;
    let what = if is_directory { "directory" } else { "file" };
    Ok(Said::ok(format!("Removed {what} {name}")).changing("removed", name))
}

pub(super) fn touch(machine: &Machine, with: &Given<'_>) -> Outcome {
    let path = with.path("file.touch")?;
    let name = with.name();
    let found = machine.at(&path)?;
    let is_directory = |found: &Metadata| found.kind == Kind::Directory;
    if with.is_test() {
        return Ok(match found.as_ref().map(is_directory) {
            None => Said::would(format!("File {name} is set to be created")).changing("new", name),
            // Salt compares the times that were asked for; here there are none to compare.
            Some(_) => Said::ok(format!("File {name} exists and has the correct times")),
        });
    }
    if with.flag("makedirs", false) {
        machine.make_above(&path, None)?;
    }
    if !machine.is_directory(path.parent().unwrap_or(&path))? {
        return Err(format!("Directory not present to touch file {name}"));
    }
    let Some(found) = found else {
        let disk = &machine.world.disk;
        disk.write(&path, b"", FILE_MODE).map_err(told)?;
        return Ok(Said::ok(format!("Created empty file {name}")).changing("new", name));
    };
    let secs = machine.world.clock.now().0 / 1_000_000;
    machine.world.disk.set_times(&path, secs).map_err(told)?;
    let what = if is_directory(&found) {
        "directory"
    } else {
        "file"
    };
    Ok(Said::ok(format!("Updated times on {what} {name}")).changing("touched", name))
}

pub(super) fn symlink(machine: &Machine, with: &Given<'_>) -> Outcome {
    let path = with.path("file.symlink")?;
    let name = with.name();
    let target = with.text("target").unwrap_or_default();
    if target.is_empty() {
        return Err("Missing parameter target for state file.symlink".to_owned());
    }
    let disk = &machine.world.disk;
    let present = disk.link_target(&path).map_err(told)?;
    let found = machine.link_at(&path)?;
    if with.is_test() {
        return Ok(would_link(&name, &target, (present, found), with));
    }
    if with.flag("makedirs", false) {
        machine.make_above(&path, None)?;
    } else if !machine.is_directory(path.parent().unwrap_or(&path))? {
        let above = path.parent().unwrap_or(&path).display();
        return Err(format!("Directory {above} for symlink is not present"));
    }
    match (&present, &found) {
        (Some(present), Some(found)) if present.as_path() == Path::new(&target) => {
            let (user, group) = ownership::names(machine, found);
            return Ok(Said::ok(format!(
                "Symlink {name} is present and owned by {user}:{group}"
            )));
        }
        (Some(_), _) | (_, None) => {}
        (None, Some(_)) if with.flag("force", false) => {}
        (None, Some(found)) => {
            let what = match found.kind {
                Kind::Directory => "Directory",
                _ => "File",
            };
            return Err(format!("{what} exists where the symlink {name} should be"));
        }
    }
    disk.remove_tree(&path).map_err(told)?;
    disk.make_link(&path, Path::new(&target)).map_err(told)?;
    Ok(Said::ok(format!("Created new symlink {name} -> {target}")).changing("new", name))
}

fn would_link(
    name: &str,
    target: &str,
    (present, found): (Option<std::path::PathBuf>, Option<Metadata>),
    with: &Given<'_>,
) -> Said {
    match (present, found) {
        (Some(present), _) if present.as_path() == Path::new(target) => {
            Said::ok(format!("The symlink {name} is present"))
        }
        (Some(_), _) => {
            let would = format!("Link {name} target is set to be changed to {target}");
            Said::would(would).changing("change", name)
        }
        (None, None) => {
            let would = format!("Symlink {name} to {target} is set for creation");
            Said::would(would).changing("new", name)
        }
        (None, Some(_)) if with.flag("force", false) => Said::would(format!(
            "The file or directory {name} is set for removal to make way for a new symlink \
             targeting {target}"
        )),
        (None, Some(_)) => Said::failed(format!(
            "File or directory exists where the symlink {name} should be. Did you mean to use \
             force?"
        )),
    }
}

pub(super) fn directory(machine: &Machine, with: &Given<'_>) -> Outcome {
    let path = with.path("file.directory")?;
    let name = path.display().to_string();
    let name = match name.trim_end_matches('/') {
        "" => "/".to_owned(),
        trimmed => trimmed.to_owned(),
    };
    let path = Path::new(&name);
    let mode = with.get("dir_mode").or(with.get("mode"));
    let owner = Owner::read(machine, with, mode)?;
    match machine.at(path)? {
        Some(found) if found.kind != Kind::Directory => {
            Err(format!("Specified location {name} exists and is a file"))
        }
        Some(found) => kept_directory(machine, path, &owner, &found, with.is_test()),
        None if with.is_test() => {
            let comment =
                format!("The following files will be changed:\n{name}: directory - new\n");
            let change = Map::from([("directory", "new")]);
            Ok(Said::would(comment).changing(name, change))
        }
        None => {
            if with.flag("makedirs", false) {
                machine.make_above(path, owner.mode)?;
            } else if !machine.is_directory(path.parent().unwrap_or(path))? {
                // As in Salt, what would have changed is told all the same.
                let why = format!("No directory to create {name} in");
                let change = Map::from([("directory", "new")]);
                return Ok(Said::failed(why).changing(name, change));
            }
            let mode = owner.mode.unwrap_or(DIRECTORY_MODE);
            let disk = &machine.world.disk;
            disk.make_directory(path, mode).map_err(told)?;
            // The umask may have taken bits away.
            disk.set_mode(path, mode).map_err(told)?;
            owner.apply(machine, path)?;
            let change = Map::from([("directory", "new")]);
            Ok(Said::ok("").changing(name, change))
        }
    }
}

/// Brings owner and permissions of a directory that is there in line.
fn kept_directory(
    machine: &Machine,
    path: &Path,
    owner: &Owner,
    found: &Metadata,
    is_test: bool,
) -> Outcome {
    let name = path.display().to_string();
    let wanted = owner.differences(found);
    if wanted.is_empty() {
        return Ok(Said::ok(format!(
            "The directory {name} is in the correct state"
        )));
    }
    let listed: String = wanted
        .iter()
        .map(|(key, value)| format!("{name}: {} - {}\n", key.to_text(), value.to_text()))
        .collect();
    if is_test {
        let comment = format!("The following files will be changed:\n{listed}");
        return Ok(Said::would(comment).changing(name, wanted));
    }
    let mut said = Said::ok(format!("Directory {name} updated")).changing(name, wanted);
    for (key, value) in owner.apply(machine, path)?.iter() {
        said.changes.insert(key.clone(), Value::clone(value));
    }
    Ok(said)
}
