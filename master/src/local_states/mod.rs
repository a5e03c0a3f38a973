//! States that the master applies to its own machine for a step of an orchestration (`cmd.run`,
//! `file.*`, `http.query`), and what the conditions of any step say.
//!
//! Each gives what Salt's state of that name gives. What runs commands or writes files is refused
//! unless `template_commands` allows it; `file.exists` and its like then look only where templates
//! may look. The call is on record before it comes here, and its end is recorded behind it: nothing
//! here is done twice. All of it waits, so it runs where blocking is allowed.

mod append;
mod command;
mod conditions;
mod diff;
mod files;
mod http;
mod managed;
mod ownership;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use model::{Jid, Map, Value};
use states::context::Functions;

use crate::fileserver::FileServer;
use crate::shared::Shared;
use crate::world::World;

/// Applies a state or asks conditions for a run.
pub(crate) async fn call(
    shared: &Arc<Shared>,
    run: &Jid,
    (fun, kwarg): (String, Map),
) -> Result<Value, String> {
    let asked = run.clone();
    let pillar = shared.ledger.ask(move |views| {
        let run = views.runs.get(&asked);
        run.map(|run| run.started().pillar.clone())
    });
    let pillar = pillar.await.map_err(|error| error.to_string())?;
    let shared = Arc::clone(shared);
    let called = tokio::task::spawn_blocking(move || {
        let machine = Machine::of(&shared, pillar.unwrap_or_default());
        machine.call(&fun, &kwarg)
    });
    called.await.map_err(|error| error.to_string())?
}

/// The machine of the master, as far as steps may use it.
struct Machine {
    world: World,
    files: Arc<FileServer>,
    /// Makes what the dictionaries of `onlyif` and `unless` may call. Few steps ask: the pillar of
    /// the master is compiled for it.
    functions: Box<dyn Fn() -> Arc<dyn Functions>>,
    /// Whether it may run commands and write files.
    may_act: bool,
    ca_bundle: Option<String>,
}

/// What a state says of itself.
#[derive(Debug, Default, PartialEq)]
struct Said {
    result: Option<bool>,
    changes: Map,
    comment: String,
    more: Map,
}

impl Said {
    fn ok(comment: impl Into<String>) -> Self {
        Self {
            result: Some(true),
            comment: comment.into(),
            ..Self::default()
        }
    }

    fn failed(comment: impl Into<String>) -> Self {
        Self {
            result: Some(false),
            comment: comment.into(),
            ..Self::default()
        }
    }

    /// In test mode: what would change.
    fn would(comment: impl Into<String>) -> Self {
        Self {
            comment: comment.into(),
            ..Self::default()
        }
    }

    fn changing(mut self, key: impl Into<Value>, value: impl Into<Value>) -> Self {
        self.changes.insert(key, value);
        self
    }
}

impl From<Said> for Value {
    fn from(said: Said) -> Value {
        let mut map = Map::from([
            ("result", Value::from(said.result)),
            ("changes", said.changes.into()),
            ("comment", said.comment.into()),
        ]);
        map.extend(said.more);
        map.into()
    }
}

/// A state that could not do its work: the comment of its result.
type Outcome = Result<Said, String>;

impl Machine {
    /// `pillar` is that of the run's command line.
    fn of(shared: &Shared, pillar: Map) -> Self {
        let (pillars, id) = (Arc::clone(&shared.pillars), shared.opts.master_minion_id());
        Self {
            world: World::clone(&shared.world),
            files: Arc::clone(&shared.files),
            functions: Box::new(move || {
                let grains = pillars.master_grains();
                let whole = pillars.compile_for(&id, &grains, None, None, &pillar);
                pillars.functions(&id, &grains, &whole)
            }),
            may_act: shared.opts.template_commands,
            ca_bundle: shared.opts.ca_bundle.clone(),
        }
    }

    fn call(&self, fun: &str, kwarg: &Map) -> Result<Value, String> {
        let with = Given(kwarg);
        if !self.may_act && acts(fun) {
            return Err(format!(
                "'{fun}' acts on the master's own machine, which the option template_commands must \
                 allow"
            ));
        }
        let said = match fun {
            "conditions" => return conditions::before(self, kwarg),
            "check_cmd" => return conditions::after(kwarg),
            "cmd.run" => command::run(self, &with),
            "file.absent" => files::absent(self, &with),
            "file.append" => append::append(self, &with),
            "file.directory" => files::directory(self, &with),
            "file.exists" => files::exists(self, &with),
            "file.managed" => managed::managed(self, &with),
            "file.missing" => files::missing(self, &with),
            "file.symlink" => files::symlink(self, &with),
            "file.touch" => files::touch(self, &with),
            "http.query" => http::query(self, &with),
            _ => return Err(format!("State '{fun}' cannot be applied to the master")),
        };
        Ok(said.unwrap_or_else(Said::failed).into())
    }
}

/// Says whether a state runs commands or writes files. The plan refuses it as well; the options may
/// have changed since.
fn acts(fun: &str) -> bool {
    !matches!(
        fun,
        "conditions" | "file.exists" | "file.missing" | "http.query"
    )
}

/// The arguments of a state.
struct Given<'a>(&'a Map);

impl<'a> Given<'a> {
    fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|value| !value.is_nil())
    }

    fn text(&self, key: &str) -> Option<String> {
        self.get(key).map(Value::to_text)
    }

    fn name(&self) -> String {
        self.text("name").unwrap_or_default()
    }

    fn flag(&self, key: &str, default: bool) -> bool {
        self.0.get(key).map_or(default, Value::is_truthy)
    }

    fn is_test(&self) -> bool {
        self.flag("test", false)
    }

    /// Gives the path that a state of `file.*` is about.
    fn path(&self, fun: &str) -> Result<PathBuf, String> {
        let name = self.name();
        if name.is_empty() {
            return Err(format!("Must provide name to {fun}"));
        }
        if !name.starts_with('/') {
            return Err(format!("Specified file {name} is not an absolute path"));
        }
        Ok(PathBuf::from(name))
    }
}
