//! Requests about files. Paths are the peer's words: resolve and confine them before use.

use model::{MinionId, Value};

use super::{Fields, LoadError};

/// The load of the requests for lists of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListLoad {
    /// The environment; `base` if none is named.
    pub saltenv: String,
    /// Only names that begin like this; empty for all.
    pub prefix: String,
}

impl ListLoad {
    pub(crate) fn read(mut fields: Fields) -> Result<Self, LoadError> {
        Ok(Self {
            saltenv: saltenv(&mut fields)?,
            prefix: fields.text_or("prefix", "")?,
        })
    }
}

/// The load of the requests about one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathLoad {
    /// The environment; `base` if none is named.
    pub saltenv: String,
    /// The path below the environment's roots.
    pub path: String,
}

impl PathLoad {
    pub(crate) fn read(mut fields: Fields) -> Result<Self, LoadError> {
        Ok(Self {
            saltenv: saltenv(&mut fields)?,
            path: fields.text("path")?,
        })
    }
}

/// The load of `_serve_file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeLoad {
    /// The environment; `base` if none is named.
    pub saltenv: String,
    /// The path below the environment's roots.
    pub path: String,
    /// From which byte.
    pub loc: u64,
    /// The gzip level, if the chunk may be compressed.
    pub gzip: Option<u8>,
}

impl ServeLoad {
    pub(crate) fn read(mut fields: Fields) -> Result<Self, LoadError> {
        let gzip = fields.take("gzip").and_then(|level| level.as_u64());
        Ok(Self {
            saltenv: saltenv(&mut fields)?,
            path: fields.text("path")?,
            loc: fields.size("loc")?,
            gzip: gzip
                .and_then(|level| u8::try_from(level).ok())
                .filter(|level| (1..=9).contains(level)),
        })
    }
}

/// The load of `_file_recv`: a chunk of a file that a minion pushes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecvLoad {
    /// The sender.
    pub id: MinionId,
    /// The path as components. None is empty, `.`, `..`, or holds a separator or NUL.
    pub path: Vec<String>,
    /// The size of the whole file, as the minion says.
    pub size: u64,
    /// Where the chunk belongs; 0 begins the file anew.
    pub loc: u64,
    /// The chunk.
    pub data: Vec<u8>,
}

impl RecvLoad {
    pub(crate) fn read(mut fields: Fields, id: MinionId) -> Result<Self, LoadError> {
        let path = fields.value("path")?;
        let path = path.as_list().and_then(components);
        let data = fields.value("data")?;
        Ok(Self {
            id,
            path: path.ok_or(LoadError::not("path", "a list of plain names"))?,
            size: fields.size("size")?,
            loc: fields.size("loc")?,
            data: match data {
                Value::Bytes(bytes) => bytes,
                Value::Str(text) => text.into_bytes(),
                _ => return Err(LoadError::not("data", "bytes")),
            },
        })
    }
}

// Item 57 and CVE-2024-38824: a path out of the minion's own folder is refused before anybody joins
// it.
fn components(list: &[Value]) -> Option<Vec<String>> {
    let is_plain =
        |name: &&str| !matches!(*name, "" | "." | "..") && !name.contains(['/', '\\', '\0']);
    let names = list.iter().map(|name| name.as_str().filter(is_plain));
    let names: Option<Vec<_>> = names.map(|name| name.map(str::to_owned)).collect();
    names.filter(|names| !names.is_empty())
}

fn saltenv(fields: &mut Fields) -> Result<String, LoadError> {
    fields.text_or("saltenv", "base")
}
