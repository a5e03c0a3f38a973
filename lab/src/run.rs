//! The lab from its first line to its exit code.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use model::api::{RunPhase, RunView};

use crate::failure::{Attempt, Failure};
use crate::flags::{Comeback, Flags, Out};
use crate::follow::{self, Viewer};
use crate::interrupt::Interrupt;
use crate::kills::Kills;
use crate::layout::Layout;
use crate::leaks;
use crate::machines::{Common, Machines};
use crate::master::Master;
use crate::network::{MASTER_ADDRESS, Network};
use crate::node::{MasterAddress, Place};
use crate::outcome::{self, NodeOutcome, Outcome};
use crate::programs;
use crate::reboot;
use crate::seed::Seed;
use crate::series;
use crate::setup;
use crate::show::{self, Screen};
use crate::venv::Minion;

/// How often the lab looks at its run.
const TICK: Duration = Duration::from_millis(250);
/// How long the minions may take to be let in before the run is started.
const KEYS_TIMEOUT: Duration = Duration::from_secs(120);

/// Runs the lab for a person.
pub(crate) fn main(args: Vec<OsString>, exe: PathBuf) -> ExitCode {
    let flags = match Flags::try_parse_from(args) {
        Ok(flags) => flags,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    if flags.end {
        return match Layout::take(&flags.root) {
            Ok(_) => ExitCode::SUCCESS,
            Err(failure) => {
                eprintln!("brine lab: {failure}");
                ExitCode::FAILURE
            }
        };
    }
    let result = match flags.repeat {
        _ if flags.install_only => install(&flags),
        Some(count) => series::run(&flags, &exe, count),
        None => Lab::build(flags, exe).and_then(Lab::run),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("brine lab: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Installs the release for programs that only want its python: a comparison, a by-hand try.
fn install(flags: &Flags) -> Result<bool, Failure> {
    let venv = Minion::install_with(&flags.minion, &flags.minions, &flags.python)?;
    println!("{}", venv.dir.display());
    Ok(true)
}

/// A lab that is being set up, running, or coming down. Fields are dropped in this order: nodes
/// before the master, the network last.
struct Lab {
    flags: Flags,
    screen: Screen,
    interrupt: Interrupt,
    machines: Machines,
    master: Master,
    network: Option<Network>,
    layout: Layout,
    place: Place,
    kills: Kills,
    comeback: Comeback,
    start: Instant,
}

/// What following a run brought.
struct Followed {
    view: Option<RunView>,
    viewer_exit_code: Option<i32>,
    kills: Vec<f64>,
    run_seconds: f64,
}

impl Lab {
    fn build(flags: Flags, exe: PathBuf) -> Result<Self, Failure> {
        let start = Instant::now();
        let mut screen = Screen::new(flags.out);
        let interrupt = Interrupt::listen()?;
        let formula = setup::find_formula(flags.formula.as_deref())?;
        let layout = Layout::take(&flags.root)?;
        screen.say(&format!(
            "minion {} from PyPI, kept in {}",
            flags.minion,
            flags.minions.display()
        ));
        let venv = Minion::install_with(&flags.minion, &flags.minions, &flags.python)?;
        interrupt.check()?;
        let network = setup::make_network(&flags, layout.root(), &mut screen)?;
        let (place, address) = match &network {
            Some(network) => (
                Place::Namespaces {
                    network_pid: network.pid(),
                },
                MasterAddress {
                    host: MASTER_ADDRESS.into(),
                    publish_port: 4505,
                    ret_port: 4506,
                },
            ),
            None => (Place::Plain, setup::free_address()?),
        };
        let network_pid = network.as_ref().map(Network::pid);
        let master = Master::configure(&exe, &layout.master(), network_pid, &address)?;
        let mut seed = Seed::new(flags.seed);
        let comeback = flags.reboot.drawn(&mut seed);
        let parts = reboot::plan(comeback, usize::from(flags.nodes), &mut seed);
        let off_ms = parts.iter().map(|part| part.off_ms).max().unwrap_or(0);
        let kills = Kills::draw(flags.kill_master.drawn(&mut seed), off_ms, &mut seed);
        let common = Common {
            place: &place,
            venv: &venv,
            master: &address,
        };
        let machines = Machines::make(&layout, &common, parts)?;
        master.serve(&formula, &machines.nodes)?;
        Ok(Self {
            flags,
            screen,
            interrupt,
            machines,
            master,
            network,
            layout,
            place,
            kills,
            comeback,
            start,
        })
    }

    /// Boots, runs the orchestration, and says whether all is well.
    fn run(mut self) -> Result<bool, Failure> {
        self.screen
            .say(&format!("lab in {}", self.layout.root().display()));
        self.master.start(&self.interrupt)?;
        self.record(None)?;
        self.machines.switch_on()?;
        self.record(None)?;
        self.wait_for_keys()?;
        if self.flags.boot_only {
            return self.leave().map(|()| true);
        }
        let followed = self.follow()?;
        let outcome = self.outcome(followed);
        self.report(&outcome)?;
        if self.flags.keep {
            self.leave()?;
        }
        Ok(outcome.is_success)
    }

    fn record(&self, viewer: Option<&Viewer>) -> Result<(), Failure> {
        let network = self.network.as_ref().and_then(Network::process);
        let mut processes: Vec<_> = network.into_iter().chain(self.master.process()).collect();
        processes.extend(self.machines.processes());
        processes.extend(viewer.and_then(Viewer::process));
        self.layout.record(&processes)
    }

    /// Waits until every minion is let in: an orchestration sees only those that are.
    fn wait_for_keys(&mut self) -> Result<(), Failure> {
        let count = self.machines.nodes.len();
        self.screen.say(&format!(
            "{count} nodes boot; waiting until the master has let them in"
        ));
        let start = Instant::now();
        loop {
            self.check()?;
            let ids: Vec<_> = self
                .machines
                .nodes
                .iter()
                .map(|node| node.id.clone())
                .collect();
            let answered = programs::run(self.master.command("cmd").args([
                "--out=json",
                "--static",
                "-L",
                &ids.join(","),
                "test.ping",
            ]))
            .map(|text| serde_json::from_str::<serde_json::Value>(&text).unwrap_or_default())
            .unwrap_or_default();
            let missing: Vec<_> = ids
                .iter()
                .filter(|id| answered.get(id.as_str()) != Some(&true.into()))
                .collect();
            if missing.is_empty() {
                self.screen.say(&format!(
                    "{count} nodes answer after {:.0} s",
                    start.elapsed().as_secs_f64()
                ));
                return Ok(());
            }
            if start.elapsed() > KEYS_TIMEOUT {
                let names = missing
                    .iter()
                    .map(|id| id.as_str())
                    .collect::<Vec<_>>()
                    .join(", ");
                return Err(
                    Failure::new(format!("no answer from {names} after {KEYS_TIMEOUT:?}")).fix(
                        format!("their logs are in {}/*/log", self.layout.nodes().display()),
                    ),
                );
            }
            std::thread::sleep(TICK);
        }
    }

    fn check(&mut self) -> Result<(), Failure> {
        self.interrupt.check()?;
        if self.master.has_ended() {
            return Err(Failure::new("the master ended by itself").fix(format!(
                "its output is in {}",
                self.master.console().display()
            )));
        }
        Ok(())
    }

    /// Follows the run to its end, killing the master and letting held nodes go on the way.
    fn follow(&mut self) -> Result<Followed, Failure> {
        let mut viewer = Viewer::start(&self.master, &self.place)?;
        self.record(Some(&viewer))?;
        let start = Instant::now();
        let mut known_at = None;
        let mut followed = Followed {
            view: None,
            viewer_exit_code: None,
            kills: Vec::new(),
            run_seconds: 0.0,
        };
        loop {
            self.check()?;
            if start.elapsed() > Duration::from_secs(self.flags.timeout) {
                return Err(Failure::new(format!(
                    "the run has not ended after {} s",
                    self.flags.timeout
                ))
                .fix("allow more with --timeout, or look at it with --keep"));
            }
            self.look(&mut followed);
            if followed.view.is_some() {
                let since = known_at.get_or_insert_with(Instant::now).elapsed();
                if self.kill_if_due(since, &mut followed)? {
                    self.record(Some(&viewer))?;
                }
            }
            if self.machines.release_held() {
                self.screen
                    .say("    the early nodes are back; the held node's install may return");
            }
            let has_ended = followed
                .view
                .as_ref()
                .is_some_and(|view| view.summary.phase.has_ended());
            if let Some(code) = viewer.exit_code() {
                followed.viewer_exit_code = Some(code);
                let Some(view) = &followed.view else {
                    // A master without `run list`, or one that refused the run: the viewer knows.
                    break;
                };
                if has_ended {
                    break;
                }
                viewer = Viewer::attach(&self.master, &view.summary.run.to_string())?;
                self.record(Some(&viewer))?;
            }
            std::thread::sleep(TICK);
        }
        self.look(&mut followed);
        followed.run_seconds = start.elapsed().as_secs_f64();
        self.screen.say(&format!(
            "the orchestration's own output is in {}",
            viewer.log().display()
        ));
        Ok(followed)
    }

    fn look(&mut self, followed: &mut Followed) {
        let run = match &followed.view {
            Some(view) => Some(view.summary.run.to_string()),
            None => follow::find(&self.master).map(|summary| summary.run.to_string()),
        };
        if let Some(view) = run.and_then(|run| follow::show(&self.master, &run)) {
            self.screen
                .tree(&show::lines(&view, &self.machines.nodes, show::now()));
            followed.view = Some(view);
        }
    }

    fn kill_if_due(&mut self, since: Duration, followed: &mut Followed) -> Result<bool, Failure> {
        let is_running = followed
            .view
            .as_ref()
            .is_some_and(|view| view.summary.phase == RunPhase::Running);
        let is_due = is_running && self.kills.take_due(since);
        if is_due {
            self.master.kill_and_restart()?;
            followed.kills.push(since.as_secs_f64());
            let count = followed.kills.len();
            self.screen.say(&format!(
                "    master killed for the {count}. time, {:.1} s into the run",
                since.as_secs_f64()
            ));
        }
        Ok(is_due)
    }

    /// The cluster's nodes, as `kubectl` on the control plane lists them.
    fn cluster(&self) -> String {
        let Some(control_plane) = self
            .machines
            .nodes
            .iter()
            .find(|node| node.is_control_plane())
        else {
            return String::new();
        };
        let mut command = self.master.command("cmd");
        command.args(["--out=newline_values_only", &control_plane.id, "cmd.run"]);
        command
            .arg("kubectl --kubeconfig \"${KUBEADM_ROOT:-}/etc/kubernetes/admin.conf\" get nodes");
        programs::run(&mut command).unwrap_or_else(|failure| failure.to_string())
    }

    fn outcome(&mut self, followed: Followed) -> Outcome {
        let listing = self.cluster();
        self.screen.say(listing.trim_end());
        let cluster = outcome::cluster(&listing);
        let nodes: Vec<NodeOutcome> = self
            .machines
            .nodes
            .iter()
            .enumerate()
            .map(|(index, node)| NodeOutcome::of(node, self.machines.is_early(index)))
            .collect();
        let mut problems = Vec::new();
        match &followed.view {
            Some(view) if view.summary.phase == RunPhase::Succeeded => {}
            Some(view) => problems.push(format!("the run ended as {:?}", view.summary.phase)),
            None => problems.push("the master shows no run".to_owned()),
        }
        if followed.viewer_exit_code != Some(0) {
            problems.push(format!(
                "the viewer ended with {:?}, not 0",
                followed.viewer_exit_code
            ));
        }
        for node in &nodes {
            if cluster
                .get(&node.hostname)
                .is_none_or(|state| state != "Ready")
            {
                problems.push(format!("{} is not Ready in the cluster", node.hostname));
            }
            if !node.is_installed {
                problems.push(format!("{} does not run from its disk", node.hostname));
            }
        }
        let leaks = leaks::files_with_tokens(&self.layout.master());
        problems.extend(leaks.iter().map(|file| {
            let file = file.display();
            format!("a join token stands in the master's file {file}")
        }));
        Outcome {
            is_success: problems.is_empty(),
            problems,
            minion: self.flags.minion.clone(),
            place: if self.place == Place::Plain {
                "plain"
            } else {
                "namespaces"
            },
            reboot: self.comeback.name(),
            seed: self.flags.seed,
            run: followed
                .view
                .as_ref()
                .map(|view| view.summary.run.to_string()),
            resumed: followed.view.as_ref().map(|view| view.resumed),
            kills: followed.kills,
            kills_left: self.kills.left(),
            steps: followed
                .view
                .as_ref()
                .map(outcome::steps)
                .unwrap_or_default(),
            nodes,
            cluster,
            viewer_exit_code: followed.viewer_exit_code,
            run_seconds: followed.run_seconds,
            seconds: self.start.elapsed().as_secs_f64(),
        }
    }

    fn report(&mut self, outcome: &Outcome) -> Result<(), Failure> {
        for problem in &outcome.problems {
            self.screen.say(&format!("problem: {problem}"));
        }
        self.screen.say(&outcome.summary());
        if self.flags.out == Out::Json {
            let text =
                serde_json::to_string_pretty(outcome).attempt(|| "print the result".to_owned())?;
            println!("{text}");
        }
        Ok(())
    }

    /// Leaves everything running, and says how to use and to end it.
    fn leave(&mut self) -> Result<(), Failure> {
        self.layout.keep()?;
        self.machines.keep()?;
        self.master.keep();
        self.screen.say(&format!(
            "everything is left running in {}",
            self.layout.root().display()
        ));
        self.screen
            .say(&format!("  {} '*' test.ping", self.master.typed("cmd")));
        self.screen
            .say(&format!("  {} list", self.master.typed("run")));
        self.screen.say(&format!(
            "end it with: brine lab --end --root {}",
            self.layout.root().display()
        ));
        Ok(())
    }
}
