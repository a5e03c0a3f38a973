//! `file.*`: paths as text, and looking at files in the directories where templates may look.

use std::path::{Component, Path, PathBuf};

use model::{Map, Value};
use storage::disk::{Kind, Metadata};

use super::{Answer, Arguments, Family, MinionFunctions, bad, failed, hashing};
use states::context::FunctionError;

pub(super) const FAMILY: Family = Family {
    module: "file",
    functions: &[
        "basename",
        "contains",
        "directory_exists",
        "dirname",
        "file_exists",
        "get_hash",
        "get_mode",
        "is_link",
        "join",
        "normpath",
        "pardir",
        "read",
        "readdir",
        "readlink",
        "stats",
    ],
    call,
};

/// Largest file that a template may read.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

fn call(of: &MinionFunctions, fun: &str, arguments: &Arguments) -> Option<Answer> {
    let path = || arguments.required_text(0, "path");
    Some(match fun {
        "basename" => path().map(|path| Value::str(basename(&path))),
        "dirname" => path().map(|path| Value::str(dirname(&path))),
        "normpath" => path().map(|path| Value::Str(normpath(&path))),
        "pardir" => Ok(Value::str("..")),
        "join" => Ok(Value::Str(join(&arguments.placed))),
        _ if FAMILY.functions.contains(&fun) => {
            path().and_then(|path| look(of, fun, &path, arguments))
        }
        _ => return None,
    })
}

fn basename(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn dirname(path: &str) -> &str {
    let head = &path[..path.rfind('/').map_or(0, |at| at + 1)];
    match head.trim_end_matches('/') {
        "" => head,
        above => above,
    }
}

/// As Python's `os.path.normpath`: what is said twice, `.` and `..` are resolved in the text.
fn normpath(path: &str) -> String {
    let slashes = path.len() - path.trim_start_matches('/').len();
    let root = match slashes {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if !root.is_empty() => {}
            part => parts.push(part),
        }
    }
    match format!("{root}{}", parts.join("/")) {
        path if path.is_empty() => ".".to_owned(),
        path => path,
    }
}

/// As Python's `os.path.join`: a part that begins at the root forgets those before it.
fn join(parts: &[Value]) -> String {
    let mut joined = String::new();
    for part in parts.iter().map(Value::to_text) {
        if part.starts_with('/') {
            joined.clear();
        } else if !joined.is_empty() && !joined.ends_with('/') {
            joined.push('/');
        }
        joined.push_str(&part);
    }
    joined
}

/// Checks that a template may look at a path, with all links followed.
fn allowed(of: &MinionFunctions, fun: &str, path: &str) -> Result<PathBuf, FunctionError> {
    let path = PathBuf::from(normpath(path));
    let outside = || {
        let shown = path.display();
        failed(format!(
            "{fun}: {shown} is outside of file_roots, pillar_roots and template_directories, where \
             templates on the master may look"
        ))
    };
    let is_plain = path.components().all(|part| part != Component::ParentDir);
    if !path.is_absolute() || !is_plain {
        return Err(bad(format!("{fun}: the path must be absolute")));
    }
    let disk = &of.tools.world.disk;
    let resolve = |path: &Path| {
        disk.resolve(path)
            .map_err(|error| failed(error.to_string()))
    };
    let real = resolve(&path)?;
    for root in &of.tools.directories {
        let inside = match (&real, resolve(root)?) {
            (Some(real), Some(root)) => real.starts_with(root),
            _ => path.starts_with(root),
        };
        if inside {
            return Ok(path);
        }
    }
    Err(outside())
}

/// Reads a file where a template may look.
pub(super) fn content(
    of: &MinionFunctions,
    fun: &str,
    path: &str,
) -> Result<Vec<u8>, FunctionError> {
    let path = allowed(of, fun, path)?;
    let disk = &of.tools.world.disk;
    let error = |error: storage::Error| failed(error.to_string());
    let missing = || failed(format!("{fun}: there is no file {}", path.display()));
    let metadata = disk.metadata(&path).map_err(error)?.ok_or_else(missing)?;
    if metadata.kind != Kind::File || metadata.bytes > FILE_BYTES_MAX {
        let shown = path.display();
        return Err(failed(format!(
            "{fun}: {shown} is no file of 16 MiB at most"
        )));
    }
    disk.read(&path).map_err(error)?.ok_or_else(missing)
}

fn look(of: &MinionFunctions, fun: &str, path: &str, arguments: &Arguments) -> Answer {
    let name = format!("file.{fun}");
    let disk = &of.tools.world.disk;
    let error = |error: storage::Error| failed(error.to_string());
    let place = allowed(of, &name, path)?;
    let missing = || failed(format!("{name}: {path} not found"));
    let kind = |kind: Kind| {
        let metadata = disk.metadata(&place).map_err(error)?;
        Ok(Value::Bool(
            metadata.is_some_and(|found| found.kind == kind),
        ))
    };
    match fun {
        "file_exists" => kind(Kind::File),
        "directory_exists" => kind(Kind::Directory),
        "is_link" => {
            let target = disk.link_target(&place).map_err(error)?;
            Ok(Value::Bool(target.is_some()))
        }
        "readlink" => {
            let target = disk.link_target(&place).map_err(error)?;
            let target = target.ok_or_else(|| failed("A valid link was not specified"))?;
            Ok(Value::Str(target.to_string_lossy().into_owned()))
        }
        "read" => {
            let content = content(of, &name, path)?;
            let bytes = |error: std::string::FromUtf8Error| Value::Bytes(error.into_bytes());
            Ok(String::from_utf8(content).map_or_else(bytes, Value::Str))
        }
        "contains" => {
            let text = arguments.required_text(1, "text")?;
            if text.trim().is_empty() || disk.metadata(&place).map_err(error)?.is_none() {
                return Ok(Value::Bool(false));
            }
            let content = content(of, &name, path)?;
            let content = String::from_utf8_lossy(&content);
            Ok(Value::Bool(content.contains(text.trim())))
        }
        "get_hash" => {
            let form = arguments.text(1, "form", "sha256");
            hashing::checksum(&content(of, &name, path)?, &form)
        }
        "get_mode" => {
            let metadata = disk.metadata(&place).map_err(error)?.ok_or_else(missing)?;
            Ok(Value::Str(format!("{:04o}", metadata.permissions())))
        }
        "readdir" => {
            let entries = disk.list(&place).map_err(error)?.ok_or_else(missing)?;
            let dots = [".", ".."].map(Value::str);
            let names = entries.into_iter().map(|entry| Value::Str(entry.name));
            Ok(dots.into_iter().chain(names).collect())
        }
        _ => stats(of, &place, arguments),
    }
}

/// `file.stats(path, hash_type=None, follow_symlinks=True)`.
fn stats(of: &MinionFunctions, place: &Path, arguments: &Arguments) -> Answer {
    let disk = &of.tools.world.disk;
    let error = |error: storage::Error| failed(error.to_string());
    let found = if arguments.is_on_or(2, "follow_symlinks", true) {
        disk.metadata(place)
    } else {
        disk.link_metadata(place)
    };
    let shown = place.display().to_string();
    let missing = || failed(format!("Path not found: {shown}"));
    let metadata = found.map_err(error)?.ok_or_else(missing)?;
    let mut stats = Map::from([
        ("inode", number(metadata.inode)),
        ("uid", Value::from(i64::from(metadata.uid))),
        ("gid", Value::from(i64::from(metadata.gid))),
        ("group", name_of(of, "/etc/group", metadata.gid)),
        ("user", name_of(of, "/etc/passwd", metadata.uid)),
        ("atime", Value::from(metadata.accessed_secs)),
        ("mtime", Value::from(metadata.modified_secs)),
        ("ctime", Value::from(metadata.changed_secs)),
        ("size", number(metadata.bytes)),
        (
            "mode",
            Value::Str(format!("{:04o}", metadata.permissions())),
        ),
    ]);
    let form = arguments
        .given(1, "hash_type")
        .filter(|form| form.is_truthy());
    if let Some(form) = form {
        let sum = hashing::checksum(&content(of, "file.stats", &shown)?, &form.to_text())?;
        stats.insert("sum", sum);
    }
    stats.insert("type", kind(&metadata));
    let target = disk.resolve(place).map_err(error)?;
    let target = target.unwrap_or_else(|| place.to_owned());
    stats.insert("target", target.to_string_lossy().into_owned());
    Ok(stats.into())
}

fn number(number: u64) -> Value {
    Value::Int(i128::from(number))
}

fn kind(metadata: &Metadata) -> Value {
    Value::str(match metadata.kind {
        Kind::File => "file",
        Kind::Directory => "dir",
        Kind::Link => "link",
        Kind::Other => match metadata.mode & 0o170_000 {
            0o140_000 => "socket",
            0o010_000 => "pipe",
            0o060_000 => "block",
            _ => "char",
        },
    })
}

/// Finds a user's or a group's name in the system's table; its number, if it has none.
fn name_of(of: &MinionFunctions, table: &str, number: u32) -> Value {
    let table = of.tools.world.disk.read(Path::new(table)).ok().flatten();
    let table = String::from_utf8_lossy(table.as_deref().unwrap_or_default()).into_owned();
    let wanted = number.to_string();
    let line = table
        .lines()
        .find(|line| line.split(':').nth(2) == Some(&wanted));
    match line.and_then(|line| line.split(':').next()) {
        Some(name) => Value::str(name),
        None => Value::from(i64::from(number)),
    }
}
