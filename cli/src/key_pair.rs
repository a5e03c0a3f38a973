//! `salt-key --gen-keys` and `--gen-accept`: a key pair, made by the master, written here.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use model::{Map, Value};

use crate::client::{Client, Error};
use crate::terminal::Terminal;

/// The modes Salt gives its keys.
const PRIVATE_MODE: u32 = 0o400;
const PUBLIC_MODE: u32 = 0o644;

/// What is to be made.
pub(crate) struct Wanted<'a> {
    /// The name of the files, or the minion's id.
    pub(crate) name: &'a str,
    /// Where they go.
    pub(crate) directory: &'a Path,
    /// Bits of the key.
    pub(crate) bits: u64,
    /// Whether the master accepts the key for the id.
    pub(crate) is_accepted: bool,
}

/// Makes a pair and writes it; gives the fingerprint, or tells why not.
pub(crate) async fn make(
    client: &Client,
    wanted: &Wanted<'_>,
    terminal: &mut Terminal,
) -> Result<Option<Value>, Error> {
    let is_plain = !wanted.name.is_empty() && !wanted.name.contains(['/', '\0']);
    if !is_plain || wanted.name.starts_with('.') {
        terminal.complain(&format!("'{}' cannot name a key's files", wanted.name));
        return Ok(None);
    }
    let paths = ["pem", "pub"].map(|ending| {
        let name = format!("{}.{ending}", wanted.name);
        wanted.directory.join(name)
    });
    if let Some(path) = paths.iter().find(|path| path.exists()) {
        terminal.complain(&format!("{} exists; it is left as it is", path.display()));
        return Ok(None);
    }
    let fun = if wanted.is_accepted {
        "key.gen_accept"
    } else {
        "key.gen"
    };
    let kwarg = Map::from([
        ("id_", Value::str(wanted.name)),
        ("keysize", Value::from(wanted.bits)),
    ]);
    let pair = client.wheel(fun, kwarg).await?;
    let (Some(private), Some(public)) = (text(&pair, "priv"), text(&pair, "pub")) else {
        terminal.complain(&format!(
            "{} has an accepted key; delete it first (salt-key -d)",
            wanted.name
        ));
        return Ok(None);
    };
    let [private_path, public_path] = &paths;
    let written = write(wanted.directory, private_path, private, PRIVATE_MODE)
        .and_then(|()| write(wanted.directory, public_path, public, PUBLIC_MODE));
    if let Err(error) = written {
        let directory = wanted.directory.display();
        terminal.complain(&format!(
            "the key cannot be written to {directory}: {error}"
        ));
        return Ok(None);
    }
    Ok(pair.get("finger").cloned())
}

fn text<'a>(pair: &'a Value, name: &str) -> Option<&'a str> {
    pair.get(name).and_then(Value::as_str)
}

fn write(directory: &Path, path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(directory)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
