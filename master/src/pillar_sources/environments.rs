//! The environments of one pillar: `__env__` in `pillar_roots` stands for the one that is asked
//! for, and for no other.

use std::sync::Arc;

use model::{Map, Value};
use states::file_client::{FileClient, FileError};

/// The name in `pillar_roots` that stands for any environment.
const ANY_ENV: &str = "__env__";

/// The environments that were named with a question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) saltenv: Option<&'a str>,
    pub(super) pillarenv: Option<&'a str>,
}

/// The files of `pillar_roots` as one question sees them.
struct Asked {
    files: Arc<dyn FileClient>,
    envs: Vec<String>,
}

/// Gives the files for one question. Without `__env__` they are the same for all.
pub(super) fn files(
    files: Arc<dyn FileClient>,
    wanted: Wanted<'_>,
    opts: &Map,
) -> Arc<dyn FileClient> {
    let mut envs = files.envs();
    let Some(place) = envs.iter().position(|env| env == ANY_ENV) else {
        return files;
    };
    envs.remove(place);
    let env = asked(wanted, opts);
    if !envs.contains(&env) {
        envs.push(env);
    }
    Arc::new(Asked { files, envs })
}

/// Gives the environment that is asked for, as Salt looks for it.
fn asked(wanted: Wanted<'_>, opts: &Map) -> String {
    let option = |name: &str| {
        let value = opts.get(name).filter(|value| value.is_truthy());
        value.map(Value::to_text)
    };
    let named = |env: Option<&str>| env.filter(|env| !env.is_empty()).map(str::to_owned);
    named(wanted.pillarenv)
        .or_else(|| option("pillarenv"))
        .or_else(|| named(wanted.saltenv))
        .or_else(|| option("saltenv"))
        .unwrap_or_else(|| "base".to_owned())
}

impl FileClient for Asked {
    fn read(&self, path: &str, saltenv: &str) -> Result<Option<Arc<[u8]>>, FileError> {
        if !self.envs.iter().any(|env| env == saltenv) {
            return Ok(None);
        }
        self.files.read(path, saltenv)
    }

    fn list(&self, saltenv: &str) -> Result<Vec<String>, FileError> {
        if !self.envs.iter().any(|env| env == saltenv) {
            return Ok(Vec::new());
        }
        self.files.list(saltenv)
    }

    fn envs(&self) -> Vec<String> {
        self.envs.clone()
    }
}
