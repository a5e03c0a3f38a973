//! `cp.*`: the files of `file_roots`, as far as reading goes.

use model::{Map, Value};

use super::{Answer, Arguments, Family, MinionFunctions, failed};
use states::context::FunctionError;

pub(super) const FAMILY: Family = Family {
    module: "cp",
    functions: &[
        "cache_file",
        "envs",
        "get_file_str",
        "hash_file",
        "is_cached",
        "list_master",
        "list_master_dirs",
        "list_master_symlinks",
        "list_states",
    ],
    call,
};

/// Largest file that a template may read.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

fn call(of: &MinionFunctions, fun: &str, arguments: &Arguments) -> Option<Answer> {
    let files = &of.tools.files;
    let error = |error: storage::Error| failed(error.to_string());
    let texts = |list: Vec<String>| -> Value { list.into_iter().map(Value::Str).collect() };
    let saltenv = |place| arguments.text(place, "saltenv", "base");
    let prefix = || arguments.text(1, "prefix", "");
    Some(match fun {
        "cache_file" => place(of, arguments, Value::Bool(false)),
        "is_cached" => place(of, arguments, Value::str("")),
        "envs" => Ok(texts(files.envs())),
        "get_file_str" => get_file_str(of, arguments),
        "hash_file" => hash_file(of, arguments),
        "list_master" => files.list(&saltenv(0), &prefix()).map(texts).map_err(error),
        "list_master_dirs" => files
            .dir_list(&saltenv(0), &prefix())
            .map(texts)
            .map_err(error),
        "list_master_symlinks" => files
            .symlink_list(&saltenv(0), &prefix())
            .map(Value::Map)
            .map_err(error),
        "list_states" => {
            let client = files.client();
            let found = states::sls::list(&saltenv(0), client.as_ref());
            found.map(texts).map_err(|error| failed(error.to_string()))
        }
        _ => return None,
    })
}

/// Gives where a file of the state tree can be read: its own place, where Salt gives that of a
/// copy. `absent` is the answer if there is none.
fn place(of: &MinionFunctions, arguments: &Arguments, absent: Value) -> Answer {
    let path = arguments.required_text(0, "path")?;
    if !path.starts_with("salt://") {
        return Err(failed(format!(
            "cp.cache_file: only files of salt:// can be had on the master, not '{path}'"
        )));
    }
    let saltenv = arguments.given(1, "saltenv").map(Value::to_text);
    let (path, saltenv) = address(&path, saltenv.as_deref());
    let found = of.tools.files.find(&path, &saltenv);
    let found = found.map_err(|error| failed(error.to_string()))?;
    Ok(found.map_or(absent, |found| {
        Value::Str(found.path.to_string_lossy().into_owned())
    }))
}

/// Takes `salt://path?saltenv=x` apart. An environment in the address counts more.
pub(super) fn address(path: &str, saltenv: Option<&str>) -> (String, String) {
    let path = path.strip_prefix("salt://").unwrap_or(path);
    let (path, named) = match path.split_once("?saltenv=") {
        Some((path, named)) => (path, Some(named)),
        None => (path, None),
    };
    let saltenv = named.or(saltenv).unwrap_or("base");
    (path.trim_start_matches('/').to_owned(), saltenv.to_owned())
}

/// Reads a file of the state tree; `None` if there is none.
pub(super) fn content(
    of: &MinionFunctions,
    path: &str,
    saltenv: &str,
) -> Result<Option<Vec<u8>>, FunctionError> {
    let error = |error: storage::Error| failed(error.to_string());
    let Some(found) = of.tools.files.find(path, saltenv).map_err(error)? else {
        return Ok(None);
    };
    if found.metadata.bytes > FILE_BYTES_MAX {
        return Err(failed(format!("salt://{path} is larger than 16 MiB")));
    }
    of.tools.world.disk.read(&found.path).map_err(error)
}

fn get_file_str(of: &MinionFunctions, arguments: &Arguments) -> Answer {
    let path = arguments.required_text(0, "path")?;
    let saltenv = arguments.given(1, "saltenv").map(Value::to_text);
    let (path, saltenv) = address(&path, saltenv.as_deref());
    Ok(match content(of, &path, &saltenv)? {
        None => Value::Bool(false),
        Some(content) => match String::from_utf8(content) {
            Ok(text) => Value::Str(text),
            Err(error) => return Err(failed(format!("salt://{path}: {error}"))),
        },
    })
}

fn hash_file(of: &MinionFunctions, arguments: &Arguments) -> Answer {
    let path = arguments.required_text(0, "path")?;
    let saltenv = arguments.given(1, "saltenv").map(Value::to_text);
    let (path, saltenv) = address(&path, saltenv.as_deref());
    let hash = of.tools.files.hash(&path, &saltenv);
    let hash = hash.map_err(|error| failed(error.to_string()))?;
    Ok(Value::Map(match hash {
        None => Map::new(),
        Some(hash) => Map::from([
            ("hsum", Value::Str(hash)),
            ("hash_type", Value::str(of.tools.files.hash_type())),
        ]),
    }))
}
