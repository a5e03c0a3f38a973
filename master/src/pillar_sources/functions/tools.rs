//! What functions may use of the world, as the configuration allows it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use model::{Map, Value};

use crate::config::Opts;
use crate::fileserver::FileServer;
use crate::pillar_sources::gpg::Gpg;
use crate::pillar_sources::python::Python;
use crate::world::World;

/// The running master, as far as templates may ask it.
pub trait Live: Send + Sync {
    /// Calls a runner.
    fn runner(&self, fun: &str, args: Vec<Value>, kwargs: Map) -> Result<Value, String>;

    /// Calls a wheel function.
    fn wheel(&self, fun: &str, args: Vec<Value>, kwargs: Map) -> Result<Value, String>;
}

/// Files, programs and the running master.
pub(crate) struct Tools {
    /// Clock, chance, disk.
    pub(super) world: World,
    /// The files of `file_roots`.
    pub(super) files: FileServer,
    /// Where `file.*` may look.
    pub(super) directories: Vec<PathBuf>,
    /// Whether `cmd.*` may run programs.
    pub(super) runs_commands: bool,
    /// Decrypts.
    pub(crate) gpg: Gpg,
    /// Runs files of the renderer `py`, if that is allowed.
    pub(super) python: Option<Python>,
    /// Set once the master runs.
    pub(super) live: OnceLock<Arc<dyn Live>>,
}

impl Tools {
    pub(crate) fn new(opts: &Opts, world: &World) -> Self {
        let roots = [&opts.file_roots, &opts.pillar_roots];
        let roots = roots.into_iter().flat_map(|roots| roots.values().flatten());
        let directories = roots.chain(&opts.template_directories);
        Self {
            files: FileServer::new(opts, world),
            directories: directories.map(PathBuf::from).collect(),
            runs_commands: opts.template_commands,
            gpg: Gpg::new(opts, Arc::clone(&world.clock)),
            python: opts.python_renderer.as_deref().map(Python::new),
            live: OnceLock::new(),
            world: world.clone(),
        }
    }

    /// Lets templates ask the running master.
    pub(crate) fn connect(&self, live: Arc<dyn Live>) {
        // A second master in one process would keep the first one's pillars.
        let _ = self.live.set(live);
    }

    /// Gives the machine's name.
    pub(super) fn host_name(&self) -> Value {
        let name = self.world.disk.read(Path::new("/proc/sys/kernel/hostname"));
        let name = name.ok().flatten().unwrap_or_default();
        Value::str(String::from_utf8_lossy(&name).trim())
    }
}
