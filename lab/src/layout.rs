//! Where the lab keeps things below its root directory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::failure::{Attempt, Failure};
use crate::network;
use crate::node::{self, detach_all};
use crate::process::Process;

/// Marks a directory as a lab's: nothing else is ever removed.
const MARK: &str = "lab.json";

/// The lab's directory, locked for as long as this lives.
#[derive(Debug)]
pub(crate) struct Layout {
    root: PathBuf,
    _lock: File,
}

/// What has to be ended by whoever cleans up.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    processes: Vec<Process>,
}

impl Layout {
    /// Takes the directory: ends what an earlier lab left there, and throws its files away.
    pub(crate) fn take(root: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(root).attempt(|| format!("create {}", root.display()))?;
        let root = root
            .canonicalize()
            .attempt(|| format!("find {}", root.display()))?;
        let lock_path = root.join("lock");
        let lock =
            File::create(&lock_path).attempt(|| format!("create {}", lock_path.display()))?;
        if lock.try_lock().is_err() {
            return Err(
                Failure::new(format!("another lab runs in {}", root.display()))
                    .fix("end it with Ctrl-C, or choose another directory with --root"),
            );
        }
        let layout = Self { root, _lock: lock };
        layout.clean()?;
        Ok(layout)
    }

    fn clean(&self) -> Result<(), Failure> {
        let Ok(text) = fs::read(self.root.join(MARK)) else {
            let mut entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
            if entries.any(|entry| entry.file_name() != "lock") {
                return Err(Failure::new(format!(
                    "{} holds files that are no lab's",
                    self.root.display()
                ))
                .fix("choose another directory with --root"));
            }
            return self.record(&[]);
        };
        let record: Record = serde_json::from_slice(&text).unwrap_or_default();
        end_all(&record.processes);
        node::plain::end_all(&self.nodes());
        for image in self.images() {
            detach_all(&image);
        }
        let _ = fs::remove_file(self.root.join(network::KEEP));
        for dir in [self.master(), self.nodes()] {
            match fs::remove_dir_all(&dir) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Failure::new(format!(
                        "cannot remove {}: {error}",
                        dir.display()
                    )));
                }
                _ => {}
            }
        }
        self.record(&[])
    }

    /// Writes down what has to be ended, before anything else can go wrong.
    pub(crate) fn record(&self, processes: &[Process]) -> Result<(), Failure> {
        let (new, file) = (self.root.join("lab.json.new"), self.root.join(MARK));
        let record = Record {
            processes: processes.to_vec(),
        };
        let text = serde_json::to_vec_pretty(&record).attempt(|| "describe the lab".to_owned())?;
        fs::write(&new, text).attempt(|| format!("write {}", new.display()))?;
        fs::rename(&new, &file).attempt(|| format!("replace {}", file.display()))
    }

    /// Tells what holds the lab up to outlive this process.
    pub(crate) fn keep(&self) -> Result<(), Failure> {
        let file = self.root.join(network::KEEP);
        fs::write(&file, "").attempt(|| format!("write {}", file.display()))
    }

    /// The disk images of the nodes that are there.
    pub(crate) fn images(&self) -> Vec<PathBuf> {
        let nodes = fs::read_dir(self.nodes()).into_iter().flatten().flatten();
        nodes
            .map(|node| node.path().join("disk.img"))
            .filter(|image| image.exists())
            .collect()
    }

    /// The directory itself, absolute.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The master's config directory.
    pub(crate) fn master(&self) -> PathBuf {
        self.root.join("master")
    }

    /// The directory of the nodes' directories.
    pub(crate) fn nodes(&self) -> PathBuf {
        self.root.join("nodes")
    }
}

/// Ends processes, the newest first: a supervisor before what it would start again.
pub(crate) fn end_all(processes: &[Process]) {
    for process in processes.iter().rev() {
        process.end();
    }
}
