//! `sdb.get`: values that a profile of the configuration keeps elsewhere. The drivers are `env` and
//! `yaml`.

use std::path::Path;

use model::{Map, Value};
use pillar::Merge;
use states::renderers::load_yaml;

use super::grains::traverse;
use super::{Answer, Arguments, Family, MinionFunctions, bad, failed};

pub(super) const FAMILY: Family = Family {
    module: "sdb",
    functions: &["get"],
    call,
};

fn call(of: &MinionFunctions, fun: &str, arguments: &Arguments) -> Option<Answer> {
    if fun != "get" {
        return None;
    }
    Some(
        arguments
            .required_text(0, "uri")
            .and_then(|uri| get(of, &uri)),
    )
}

/// Looks up `sdb://profile/key`. Anything else is the value itself, as in Salt.
pub(super) fn get(of: &MinionFunctions, uri: &str) -> Answer {
    let Some((profile, key)) = uri
        .strip_prefix("sdb://")
        .and_then(|rest| rest.split_once('/'))
    else {
        return Ok(Value::str(uri));
    };
    let settings = of.opts.get(profile).and_then(Value::as_map);
    let settings = settings.ok_or_else(|| {
        failed(format!(
            "{uri}: the configuration has no profile '{profile}' with a driver"
        ))
    })?;
    match settings.get("driver").map(Value::to_text).as_deref() {
        Some("env") => Ok(std::env::var(key).map_or(Value::Nil, Value::Str)),
        Some("yaml") => yaml(of, settings, key),
        other => Err(bad(format!(
            "{uri}: the driver '{}' is not supported; env and yaml are",
            other.unwrap_or("(none)")
        ))),
    }
}

fn yaml(of: &MinionFunctions, settings: &Map, key: &str) -> Answer {
    let files = match settings.get("files") {
        Some(Value::List(files)) => files.iter().map(Value::to_text).collect(),
        Some(single) => vec![single.to_text()],
        None => return Err(failed("a profile of the driver yaml names its files")),
    };
    let mut data = Map::new();
    for file in files {
        let content = of.tools.world.disk.read(Path::new(&file));
        let content = content.map_err(|error| failed(error.to_string()))?;
        let Some(content) = content else { continue };
        let text =
            String::from_utf8(content).map_err(|error| failed(format!("{file}: {error}")))?;
        let read = load_yaml(&text).map_err(|error| failed(format!("{file}: {error}")))?;
        if let Value::Map(read) = read {
            data = Merge::default().merge(data, read);
        }
    }
    Ok(traverse(&data, key, ":").cloned().unwrap_or_default())
}
