//! A real, unmodified minion in a folder of its own.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use lab::venv::{Minion, Venv};
use tempfile::TempDir;

use crate::brine;
use crate::guard::Guard;

/// Lines of a minion's log that a failed test shows.
const LOG_LINES_SHOWN: usize = 15;

/// Installs a release, or finds it in `target/minions`.
///
/// # Errors
/// The reason why it cannot run on this machine: a named skip.
pub fn installed(version: &str) -> Result<Venv, String> {
    let installed = Minion::install(version, &brine::target_dir().join("minions"));
    installed.map_err(|error| {
        eprintln!("skipped: {version}: {error}");
        error.to_string()
    })
}

/// A minion process with its children.
#[derive(Debug)]
pub struct RealMinion {
    /// Its id.
    pub id: String,
    dir: TempDir,
    venv: Venv,
    child: Option<(Child, Guard)>,
}

impl RealMinion {
    /// Starts a minion of the master behind these ports (publish, return).
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(venv: &Venv, id: &str, ports: (u16, u16)) -> Self {
        let mut minion = Self::prepare(venv, id, ports, "");
        minion.spawn();
        minion
    }

    /// Prepares a minion for [`RealMinion::spawn`]; `config` is added to its file.
    ///
    /// # Panics
    /// Its folder cannot be made.
    pub fn prepare(venv: &Venv, id: &str, ports: (u16, u16), config: &str) -> Self {
        let dir = TempDir::with_prefix("minion-").expect("a folder");
        let config = format!(
            "master: 127.0.0.1\npublish_port: {}\nmaster_port: {}\nid: {id}\nroot_dir: {}\n\
             log_level: info\nacceptance_wait_time: 1\nacceptance_wait_time_max: 0\n\
             random_reauth_delay: 1\nrecon_default: 100\nrecon_max: 500\nmaster_tries: -1\n\
             rejected_retry: True\nsign_pub_messages: True\n\
             max_event_size: 104857600\n{config}\n",
            ports.0,
            ports.1,
            dir.path().display(),
        );
        // Not in the minion's own file: 3002 then sends those and no others until a refresh.
        let made = dir.path().join("made");
        let grains = format!("brine_suite: conformance\nmade: {}\n", made.display());
        fs::write(dir.path().join("grains"), grains).expect("a file");
        fs::write(dir.path().join("minion"), config).expect("a file");
        Self {
            id: id.to_owned(),
            dir,
            venv: venv.clone(),
            child: None,
        }
    }

    /// Gives a path in the minion's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Gives the folder with the minion's key pair.
    pub fn pki(&self) -> PathBuf {
        self.path("etc/salt/pki/minion")
    }

    /// Puts a key file into [`RealMinion::pki`], as an image or an operator does.
    ///
    /// # Panics
    /// The disk refuses.
    pub fn give_key(&self, name: &str, pem: &str) {
        fs::create_dir_all(self.pki()).expect("a folder");
        fs::write(self.pki().join(name), pem).expect("a file");
    }

    /// Starts it, after [`RealMinion::prepare`] or [`RealMinion::stop`].
    ///
    /// # Panics
    /// It runs, or cannot be started.
    pub fn spawn(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("log"));
        let log = log.expect("a log file");
        let child = Command::new(self.venv.bin.join("salt-minion"))
            .arg("-c")
            .arg(self.dir.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            // It forks; a group of its own lets all of it end.
            .process_group(0)
            .spawn();
        let child = child.expect("salt-minion runs");
        let guard = Guard::group(&child);
        self.child = Some((child, guard));
    }

    /// Ends it with all its processes.
    pub fn stop(&mut self) {
        let Some((mut child, guard)) = self.child.take() else {
            return;
        };
        // The guard kills the group.
        drop(guard);
        let _ = child.wait();
        // It could not clear its pid file, and would be taken for alive at the next start.
        let _ = fs::remove_dir_all(self.path("var/run"));
    }

    /// Says whether the process that was started is still the one that runs.
    ///
    /// # Panics
    /// The system does not know it.
    pub fn is_running(&mut self) -> bool {
        let child = self.child.as_mut();
        child.is_some_and(|(child, _)| child.try_wait().expect("our child").is_none())
    }

    /// Gives what the minion wrote to its terminal.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Drop for RealMinion {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let first = lines.len().saturating_sub(LOG_LINES_SHOWN);
            eprintln!(
                "the end of {}'s log:\n{}",
                self.id,
                lines[first..].join("\n")
            );
        }
    }
}
