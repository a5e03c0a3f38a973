//! The run as an operator follows it: started by one program, looked at by others, whatever happens
//! to the master.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use model::api::{RunSummary, RunView};
use serde::de::DeserializeOwned;

use crate::failure::{Attempt, Failure};
use crate::master::Master;
use crate::node::Place;
use crate::process::Process;
use crate::programs;

/// The orchestration that is run.
pub(crate) const ORCHESTRATION: &str = "orch.kubic";

/// A viewer of a run: a process that ends when the run ends, or when it loses its master.
#[derive(Debug)]
pub(crate) struct Viewer {
    child: Child,
    log: PathBuf,
}

impl Viewer {
    /// Starts the orchestration. Nodes that are plain processes share the boot of their host.
    pub(crate) fn start(master: &Master, place: &Place) -> Result<Self, Failure> {
        let mut words = vec!["state.orchestrate", ORCHESTRATION];
        if *place == Place::Plain {
            words.push("pillar={\"kubic\": {\"boot_proof\": \"start\"}}");
        }
        Self::spawn(master, &words)
    }

    /// Comes back to a run.
    pub(crate) fn attach(master: &Master, run: &str) -> Result<Self, Failure> {
        Self::spawn(master, &["attach", run])
    }

    fn spawn(master: &Master, words: &[&str]) -> Result<Self, Failure> {
        let log = master.dir().join("log").join(format!("{}.out", words[0]));
        let out = File::create(&log).attempt(|| format!("create {}", log.display()))?;
        let errors = out
            .try_clone()
            .attempt(|| "share the viewer's output".to_owned())?;
        let mut command = master.command("run");
        command
            .args(words)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(errors);
        let child = command
            .spawn()
            .attempt(|| format!("start {}", master.typed("run")))?;
        Ok(Self { child, log })
    }

    /// The exit code, once it has ended; 255 if a signal ended it.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        let exit = self.child.try_wait().ok().flatten()?;
        Some(exit.code().unwrap_or(255))
    }

    /// Its process.
    pub(crate) fn process(&self) -> Option<Process> {
        Process::of("the run's viewer", self.child.id())
    }

    /// Where its output is.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks for the run of the orchestration; `None` while there is none or the master does not answer.
pub(crate) fn find(master: &Master) -> Option<RunSummary> {
    let mut command = master.command("run");
    let text = programs::run(command.args(["list", "--out=json"])).ok()?;
    values::<RunSummary>(&text)
        .into_iter()
        .find(|run| run.name == ORCHESTRATION)
}

/// Asks how a run stands; `None` while the master does not answer.
pub(crate) fn show(master: &Master, run: &str) -> Option<RunView> {
    let mut command = master.command("run");
    let text = programs::run(command.args(["show", run, "--out=json"])).ok()?;
    values::<RunView>(&text).into_iter().next()
}

/// Every value of a type in JSON text: one object, a list of them, or one a line.
fn values<T: DeserializeOwned>(text: &str) -> Vec<T> {
    let documents = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    documents
        .map_while(Result::ok)
        .flat_map(|value| match value {
            serde_json::Value::Array(values) => values,
            other => vec![other],
        })
        .filter_map(|value| serde_json::from_value(value).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::values;

    #[test]
    fn values_are_found_in_a_list_and_in_lines() {
        assert_eq!(values::<u32>("[1, 2]"), [1, 2]);
        assert_eq!(values::<u32>("1\n2\n"), [1, 2]);
        assert_eq!(values::<u32>("no json"), Vec::<u32>::new());
    }
}
