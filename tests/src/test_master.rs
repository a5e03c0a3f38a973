//! A master of the real binary, in a folder of its own, that can be killed and started again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::api::Api;
use crate::guard::Guard;
use crate::{brine, ports, wait};

/// A config for tests that look at everything that is published or recorded: the master asks nobody
/// anything by itself, neither after a boot nor after a job that takes long.
pub const QUIET: &str = "auto_accept: True\nboot_ids: False\ntimeout: 600";

/// Lines of the master's log that a failed test shows.
const LOG_LINES_SHOWN: usize = 40;

/// A master. Its folder has `etc`, `salt` (file_roots), `pillar` (pillar_roots), and `root`
/// (root_dir).
#[derive(Debug)]
pub struct TestMaster {
    dir: TempDir,
    root: PathBuf,
    ports: (u16, u16),
    child: Option<Child>,
    guard: Option<Guard>,
}

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Said {
    /// The exit code; -1 if a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    /// Reads standard output as JSON.
    ///
    /// # Panics
    /// It is none.
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.out) {
            Ok(value) => value,
            Err(error) => panic!("no JSON ({error}): {self:?}"),
        }
    }

    /// Passes the command on if it ended with code 0.
    ///
    /// # Panics
    /// It did not.
    pub fn well(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

impl TestMaster {
    /// Prepares a master; `config` is added to its file.
    ///
    /// # Panics
    /// The folder cannot be made.
    pub fn prepare(config: &str) -> Self {
        let dir = TempDir::with_prefix("brine-").expect("a folder");
        let root = dir.path().join("root");
        Self::prepare_at(dir, root, config)
    }

    /// Prepares a master whose `root_dir` is elsewhere, such as on a small disk.
    ///
    /// # Panics
    /// The folder cannot be made.
    pub fn prepare_at(dir: TempDir, root: PathBuf, config: &str) -> Self {
        let ports = ports::pair();
        let master = Self {
            dir,
            root,
            ports,
            child: None,
            guard: None,
        };
        for folder in ["etc/master.d", "salt", "pillar"] {
            fs::create_dir_all(master.path(folder)).expect("a folder");
        }
        let base = format!(
            "interface: 127.0.0.1\npublish_port: {}\nret_port: {}\nroot_dir: {}\n\
             file_roots: {{base: [{}]}}\npillar_roots: {{base: [{}]}}\nlog_level: info\n{config}\n",
            ports.0,
            ports.1,
            master.root.display(),
            master.path("salt").display(),
            master.path("pillar").display(),
        );
        master.write("etc/master", base);
        master
    }

    /// Prepares and starts a master.
    ///
    /// # Panics
    /// It does not start.
    pub fn start_with(config: &str) -> Self {
        let mut master = Self::prepare(config);
        master.start();
        master
    }

    /// Gives a path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Gives the master's `root_dir`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Writes a file in the folder.
    ///
    /// # Panics
    /// The disk refuses.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    /// The publish port and the return port.
    pub fn ports(&self) -> (u16, u16) {
        self.ports
    }

    /// Gives a client of the API.
    pub fn api(&self) -> Api {
        Api::new(&self.root.join("var/run/salt/master/brine.sock"))
    }

    /// Starts the master and waits until it serves.
    ///
    /// # Panics
    /// It does not start; its log is shown.
    pub fn start(&mut self) {
        self.spawn();
        wait::until("the master to serve", || {
            if let Some(status) = self.ended() {
                panic!("the master ended: {status}");
            }
            self.api()
                .try_get("/health")
                .ok()
                .filter(|(status, _)| *status == 200)
        });
    }

    /// Starts the master and does not wait for it.
    ///
    /// # Panics
    /// The binary cannot be run.
    pub fn spawn(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("log"));
        let log = log.expect("a log file");
        let child = Command::new(brine::binary())
            .args(["master", "-c"])
            .arg(self.path("etc"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log)
            .spawn();
        let child = child.expect("the binary runs");
        self.guard = Some(Guard::process(&child));
        self.child = Some(child);
    }

    /// Says how the master ended, if it did by itself.
    ///
    /// # Panics
    /// The system does not know the process.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.as_mut()?.try_wait().expect("our child")
    }

    /// Waits for a master that ends by itself.
    ///
    /// # Panics
    /// It does not.
    pub fn wait_ended(&mut self) -> std::process::ExitStatus {
        let status = wait::until("the master to end", || self.ended());
        self.child = None;
        self.release();
        status
    }

    /// Kills the master as a power cut would.
    ///
    /// # Panics
    /// It does not run.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("our child");
        child.wait().expect("our child");
        self.release();
    }

    fn release(&mut self) {
        if let Some(guard) = self.guard.take() {
            guard.release();
        }
    }

    /// Kills the master while others hold it; [`TestMaster::forget_killed`] follows.
    ///
    /// # Panics
    /// It does not run.
    pub fn kill_now(&self) {
        let child = self.child.as_ref().expect("it runs");
        let pid = i32::try_from(child.id())
            .ok()
            .and_then(Pid::from_raw)
            .expect("a process id");
        kill_process(pid, Signal::KILL).expect("our child");
    }

    /// Waits for a master that was killed or ended by itself.
    ///
    /// # Panics
    /// It was not started.
    pub fn forget_killed(&mut self) {
        let mut child = self.child.take().expect("it ran");
        child.wait().expect("our child");
        self.release();
    }

    /// Kills and starts.
    ///
    /// # Panics
    /// It does not start again.
    pub fn restart(&mut self) {
        self.kill();
        self.start();
    }

    /// Runs one of the programs, such as `cmd` or `key`.
    ///
    /// # Panics
    /// The binary cannot be run.
    pub fn run(&self, program: &str, words: &[&str]) -> Said {
        said(
            self.command(program, words)
                .output()
                .expect("the binary runs"),
        )
    }

    /// Starts one of the programs; what it says is read later.
    ///
    /// # Panics
    /// The binary cannot be run.
    pub fn spawn_program(&self, program: &str, words: &[&str]) -> Running {
        let mut command = self.command(program, words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Running(Some(command.spawn().expect("the binary runs")))
    }

    fn command(&self, program: &str, words: &[&str]) -> Command {
        let mut command = Command::new(brine::binary());
        command
            .arg(program)
            .arg("-c")
            .arg(self.path("etc"))
            .args(words)
            .stdin(Stdio::null());
        command
    }

    /// Gives what the master wrote to its log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Gives the cursor of the log's end.
    ///
    /// # Panics
    /// The master does not answer.
    pub fn head(&self) -> u64 {
        self.api().get("/health")["head"]
            .as_u64()
            .expect("a cursor")
    }

    /// Publishes a job without waiting for it; gives the jid.
    ///
    /// # Errors
    /// The master is not there, or refuses.
    pub fn publish(&self, tgt: &str, fun: &str, arg: &[&str]) -> io::Result<String> {
        let chunk = serde_json::json!({
            "client": "local_async", "tgt": tgt, "tgt_type": "glob", "fun": fun, "arg": arg,
            "user": "root",
        });
        let (status, body) = self.api().try_post("/run", &chunk)?;
        let jid = body["jid"].as_str().map(str::to_owned);
        jid.filter(|_| status == 200)
            .ok_or_else(|| io::Error::other(body.to_string()))
    }

    /// Starts an orchestration; gives the run.
    ///
    /// # Panics
    /// The master refuses.
    pub fn orchestrate(&self, sls: &str) -> String {
        let chunk = serde_json::json!({
            "client": "runner_async", "fun": "state.orchestrate", "arg": [sls], "user": "root",
        });
        let started = self.api().post("/run", &chunk);
        started["run"].as_str().expect("a run").to_owned()
    }

    /// Waits until a run has ended; gives its view.
    ///
    /// # Panics
    /// It does not end.
    pub fn wait_run(&self, run: &str) -> Value {
        wait::until_within(&format!("run {run} to end"), 900, || {
            let (_, view) = self.api().try_get(&format!("/runs/{run}")).ok()?;
            (view["phase"].is_string() && view["phase"] != "running").then_some(view)
        })
    }
}

impl Drop for TestMaster {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        self.release();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let first = lines.len().saturating_sub(LOG_LINES_SHOWN);
            eprintln!(
                "the end of the master's log:\n{}",
                lines[first..].join("\n")
            );
        }
    }
}

/// A program that was started and is read later. It is killed if it is not.
#[derive(Debug)]
pub struct Running(Option<Child>);

impl Running {
    /// Waits for the end.
    ///
    /// # Panics
    /// The system lost it.
    pub fn wait(mut self) -> Said {
        let child = self.0.take().expect("it is waited for once");
        said(child.wait_with_output().expect("our child"))
    }

    /// Says whether it has ended.
    ///
    /// # Panics
    /// The system lost it.
    pub fn has_ended(&mut self) -> bool {
        let child = self.0.as_mut().expect("it is waited for once");
        child.try_wait().expect("our child").is_some()
    }

    /// Kills it.
    ///
    /// # Panics
    /// The system lost it.
    pub fn kill(mut self) {
        let mut child = self.0.take().expect("it is killed once");
        child.kill().expect("our child");
        child.wait().expect("our child");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
