//! The master as an operator has it: a config directory, a process that may be killed, and programs
//! to ask it.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::failure::{Attempt, Failure};
use crate::interrupt::Interrupt;
use crate::network;
use crate::node::{MasterAddress, Node};
use crate::process::Process;
use crate::programs;

/// How long a master may take to listen.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// A socket's path may have 107 bytes; the names in this directory need some of them.
const SOCKET_DIR_BYTES_MAX: usize = 70;
/// The state of a listening socket in `/proc/net/tcp`.
const LISTEN: &str = "0A";

/// The master of a lab.
#[derive(Debug)]
pub(crate) struct Master {
    program: PathBuf,
    dir: PathBuf,
    network_pid: Option<u32>,
    address: MasterAddress,
    child: Option<Child>,
}

impl Master {
    /// Writes the config directory.
    pub(crate) fn configure(
        program: &Path,
        dir: &Path,
        network_pid: Option<u32>,
        address: &MasterAddress,
    ) -> Result<Self, Failure> {
        for name in ["master.d", "log", "autosign_grains", "pillar/kubic"] {
            make_dir(&dir.join(name))?;
        }
        let sockets = socket_dir(dir)?;
        let user = programs::run(programs::command("id").arg("-un"))?;
        let text = format!(
            "# The lab's master. The options are Salt's.\n\
             interface: {}\npublish_port: {}\nret_port: {}\nuser: {}\n\
             pki_dir: {d}/pki\ncachedir: {d}/cache\nsock_dir: {}\nlog_file: {d}/log/master\n\
             pidfile: {d}/master.pid\nlog_level_logfile: info\n",
            address.host,
            address.publish_port,
            address.ret_port,
            user.trim(),
            sockets.display(),
            d = dir.display(),
        );
        write(&dir.join("master"), &text)?;
        let program = program.to_owned();
        Ok(Self {
            program,
            dir: dir.to_owned(),
            network_pid,
            address: address.clone(),
            child: None,
        })
    }

    /// Drops in the formula, the node table and the machines that may come in, as the seed does.
    pub(crate) fn serve(&self, formula: &Path, nodes: &[Node]) -> Result<(), Failure> {
        let (d, formula) = (self.dir.display(), formula.display());
        let drop_in = self.dir.join("master.d");
        write(
            &drop_in.join("kubic-file.conf"),
            &format!("file_roots:\n  base:\n    - {formula}/salt\n"),
        )?;
        write(
            &drop_in.join("pillar.conf"),
            &format!("pillar_roots:\n  base:\n    - {d}/pillar\n    - {formula}/pillar\n"),
        )?;
        write(
            &drop_in.join("autosign.conf"),
            &format!("autosign_grains_dir: {d}/autosign_grains\n"),
        )?;
        let uuids: String = nodes
            .iter()
            .map(|node| format!("{}\n", node.uuid))
            .collect();
        write(&self.dir.join("autosign_grains/uuid"), &uuids)?;
        let table: String = nodes
            .iter()
            .map(|node| {
                let role = if node.is_control_plane() {
                    "control_plane"
                } else {
                    "worker"
                };
                format!(
                    "'{}':\n  role: {role}\n  hostname: {}\n  address: {}\n",
                    node.id, node.hostname, node.address
                )
            })
            .collect();
        write(&self.dir.join("pillar/kubic/nodes.yml"), &table)
    }

    /// Starts the master and waits until it listens.
    pub(crate) fn start(&mut self, interrupt: &Interrupt) -> Result<(), Failure> {
        self.spawn()?;
        self.wait_until_up(interrupt)
    }

    fn spawn(&mut self) -> Result<(), Failure> {
        let log = self.console();
        let console = OpenOptions::new().create(true).append(true).open(&log);
        let console = console.attempt(|| format!("open {}", log.display()))?;
        let errors = console
            .try_clone()
            .attempt(|| "share the master's console".to_owned())?;
        let mut command = self.command("master");
        command
            .stdin(Stdio::null())
            .stdout(console)
            .stderr(errors)
            .process_group(0);
        let child = command
            .spawn()
            .attempt(|| format!("start {}", self.program.display()))?;
        self.child = Some(child);
        Ok(())
    }

    fn wait_until_up(&mut self, interrupt: &Interrupt) -> Result<(), Failure> {
        let start = Instant::now();
        loop {
            interrupt.check()?;
            let Some(child) = &mut self.child else {
                return Err(Failure::new("the master is not started"));
            };
            let pid = child.id();
            if let Some(exit) = child
                .try_wait()
                .attempt(|| "wait for the master".to_owned())?
            {
                let log = fs::read_to_string(self.console()).unwrap_or_default();
                let last = log
                    .lines()
                    .rev()
                    .find(|line| !line.trim().is_empty())
                    .unwrap_or("it said nothing");
                return Err(Failure::new(format!(
                    "the master ended at its start ({exit}): {last}"
                ))
                .fix(format!("its output is in {}", self.console().display())));
            }
            if listens(pid, self.address.ret_port) && listens(pid, self.address.publish_port) {
                return Ok(());
            }
            if start.elapsed() > START_TIMEOUT {
                return Err(Failure::new(format!(
                    "the master does not listen after {START_TIMEOUT:?}"
                ))
                .fix(format!("its output is in {}", self.console().display())));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends the master as a power cut would, and starts it again without waiting for it.
    pub(crate) fn kill_and_restart(&mut self) -> Result<(), Failure> {
        if let Some(mut child) = self.child.take() {
            if let Some(process) = Process::of("master", child.id()) {
                process.kill_group();
            }
            child
                .wait()
                .attempt(|| "wait for the killed master".to_owned())?;
        }
        self.spawn()
    }

    /// Says whether the master has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| child.try_wait().is_ok_and(|exit| exit.is_some()))
    }

    /// Ends the master in order.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            if let Some(process) = Process::of("master", child.id()) {
                process.end();
            }
            let _ = child.wait();
        }
    }

    /// Lets the master run on without the lab.
    pub(crate) fn keep(&mut self) {
        self.child = None;
    }

    /// The master's process, if it runs.
    pub(crate) fn process(&self) -> Option<Process> {
        self.child
            .as_ref()
            .and_then(|child| Process::of("master", child.id()))
    }

    /// A command for one of the master's programs: `run`, `key`, `cmd`.
    pub(crate) fn command(&self, subcommand: &str) -> Command {
        let mut command = match self.network_pid {
            Some(pid) => network::enter(pid, &self.program),
            None => Command::new(&self.program),
        };
        command.arg(subcommand).arg("-c").arg(&self.dir);
        command
    }

    /// What a person types to use this master.
    pub(crate) fn typed(&self, subcommand: &str) -> String {
        format!(
            "{} {subcommand} -c {}",
            self.program.display(),
            self.dir.display()
        )
    }

    /// Where the master's output goes.
    pub(crate) fn console(&self) -> PathBuf {
        self.dir.join("log/console")
    }

    /// The config directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Says whether a port listens in the network namespace of a process.
fn listens(pid: u32, port: u16) -> bool {
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap_or_default();
    let ending = format!(":{port:04X}");
    table.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        fields.next().is_some_and(|local| local.ends_with(&ending)) && fields.nth(1) == Some(LISTEN)
    })
}

/// The directory of the sockets: the config directory's, unless its path is too long for a socket.
fn socket_dir(dir: &Path) -> Result<PathBuf, Failure> {
    let own = dir.join("sock");
    if own.as_os_str().len() <= SOCKET_DIR_BYTES_MAX {
        make_dir(&own)?;
        return Ok(own);
    }
    let short = std::env::temp_dir().join(format!("brine-lab-{}", std::process::id()));
    make_dir(&short)?;
    Ok(short)
}

fn make_dir(dir: &Path) -> Result<(), Failure> {
    fs::create_dir_all(dir).attempt(|| format!("create {}", dir.display()))
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    fs::write(file, text).attempt(|| format!("write {}", file.display()))
}
