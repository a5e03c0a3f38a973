//! The functions that the orchestration calls on minions, as far as the master can tell: how long
//! they take, what they do to the machine, what they ask of the master, what they return.

use master::jobs::JobPublished;
use model::{Map, Value};

use super::machine::{Disk, Done};
use super::minion::{Ask, Job, Todo};
use super::world::World;

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Install,
    ControlPlane,
    Join,
    Check,
    MineSend,
    MineDelete,
    JoinParams,
    DiskFacts,
    Revoke,
    FindJob,
    BootId,
    Reboot,
    /// It must be done once on each machine, or is counted at least.
    Errand,
    /// It fails the first times.
    Flaky,
    /// It reads the secret.
    Read,
    /// Anything else: it takes a moment and gives `True`.
    Other,
    /// Anything else that is an SLS.
    OtherState,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stage {
    pub(crate) number: u32,
    pub(crate) tries: u32,
}

/// How a job goes on.
pub(crate) enum Next {
    /// After so many microseconds.
    Later(Stage, u64),
    /// When the master has answered.
    Ask(Stage, Ask),
    /// It is over.
    Done(Value, bool),
}

const SECOND: u64 = 1_000_000;

/// How often `errand.flaky` fails on a machine.
const FLAKY_TIMES: u32 = 2;

impl Kind {
    pub(crate) fn of(job: &JobPublished) -> Self {
        let fun = job.fun.to_text();
        let sls = job.arg.first().map(Value::to_text).unwrap_or_default();
        match (fun.as_str(), sls.as_str()) {
            ("state.sls" | "state.apply", "microos") => Self::Install,
            ("state.sls" | "state.apply", "kubic.control_plane") => Self::ControlPlane,
            ("state.sls" | "state.apply", "kubic.join") => Self::Join,
            ("state.sls" | "state.apply", "kubic.check") => Self::Check,
            ("state.sls" | "state.apply" | "state.highstate", _) => Self::OtherState,
            ("mine.send", _) => Self::MineSend,
            ("mine.delete", _) => Self::MineDelete,
            ("kubeadm.token_revoke", _) => Self::Revoke,
            ("kubeadm.join_params", _) => Self::JoinParams,
            ("microos.disk_facts", _) => Self::DiskFacts,
            ("saltutil.find_job", _) => Self::FindJob,
            ("file.read", "/proc/sys/kernel/random/boot_id") => Self::BootId,
            ("system.reboot", _) => Self::Reboot,
            ("errand.once" | "errand.undo" | "errand.tidy", _) => Self::Errand,
            ("errand.flaky", _) => Self::Flaky,
            ("errand.read", _) => Self::Read,
            _ => Self::Other,
        }
    }

    fn is_state(self) -> bool {
        matches!(
            self,
            Self::Install | Self::ControlPlane | Self::Join | Self::Check | Self::OtherState
        )
    }

    /// Says whether it is a question of the master's own, that nobody wants to read about.
    pub(crate) fn is_quiet(self) -> bool {
        matches!(self, Self::FindJob | Self::BootId)
    }
}

fn kwargs(job: &JobPublished) -> Map {
    let is_kwargs = |value: &&Value| value.get("__kwarg__").is_some();
    let found = job.arg.iter().find(is_kwargs).and_then(Value::as_map);
    found.cloned().unwrap_or_default()
}

fn state(name: &str, is_good: bool, is_changed: bool, comment: &str) -> Next {
    let changes = match is_changed {
        true => Map::from([(name, "done")]),
        false => Map::new(),
    };
    let result = Map::from([
        ("name", Value::str(name)),
        ("result", is_good.into()),
        ("changes", changes.into()),
        ("comment", comment.into()),
        ("__id__", name.into()),
        ("__run_num__", 0.into()),
    ]);
    let ret = Map::from([(format!("x_|-{name}_|-{name}_|-y"), result)]);
    Next::Done(ret.into(), is_good)
}

fn next(stage: Stage) -> Stage {
    Stage {
        number: stage.number + 1,
        tries: 0,
    }
}

fn again(stage: Stage) -> Stage {
    Stage {
        tries: stage.tries + 1,
        ..stage
    }
}

impl World {
    /// Performs the next part of a job.
    pub(crate) fn perform(&mut self, node: usize, job: &Job, answer: Option<Map>) -> Next {
        let stage = job.stage;
        if let Some(other) = self.state_at_work(node, job) {
            let said = format!("The function \"state.sls\" is running with jid {other}");
            return Next::Done(Value::List(vec![said.into()]), false);
        }
        match job.kind {
            Kind::Install => self.install(node, stage),
            Kind::ControlPlane => self.init(node, stage),
            Kind::Join => self.join(node, stage, answer),
            Kind::Check => self.check(job, stage),
            Kind::MineSend => self.mine_send(node, job, answer),
            Kind::MineDelete => match answer {
                None if stage.number > 0 => Next::Done(false.into(), false),
                None => {
                    let fun = job.published.arg.first().map(Value::to_text);
                    Next::Ask(next(stage), Ask::MineDelete(fun))
                }
                Some(_) => Next::Done(true.into(), true),
            },
            Kind::Revoke => {
                let tokens = std::mem::take(&mut self.minions[node].machine.tokens);
                Next::Done(Value::from(tokens.len() as i64), true)
            }
            Kind::JoinParams => match stage.number {
                0 => Next::Later(next(stage), self.chance.within(SECOND / 4..4 * SECOND)),
                _ => {
                    // With a lifetime a new one is made, and older ones of its kind are deleted.
                    self.minions[node].machine.tokens.clear();
                    let params = self.make_token(node);
                    Next::Done(params.into(), true)
                }
            },
            Kind::DiskFacts => self.disk_facts(node),
            Kind::FindJob => self.find_job(node, job, stage),
            Kind::BootId => {
                let machine = &self.minions[node].machine;
                Next::Done(format!("boot-{}-{node}\n", machine.boots).into(), true)
            }
            Kind::Reboot => match stage.number {
                0 => {
                    let pause = self.chance.within(0..2 * SECOND);
                    let off = self.chance.within(SECOND..60 * SECOND);
                    self.todo(node, pause, Todo::PowerOff(off, true));
                    Next::Later(next(stage), SECOND)
                }
                _ => Next::Done(true.into(), true),
            },
            Kind::Errand => self.errand(node, job),
            Kind::Flaky => {
                let machine = &mut self.minions[node].machine;
                let tries = machine.errands.entry("flaky".into()).or_default();
                *tries += 1;
                let is_good = *tries > FLAKY_TIMES;
                Next::Done(is_good.into(), is_good)
            }
            Kind::Read => match (stage.number, answer) {
                (0, _) => self.read_params(stage),
                (_, answer) => {
                    let is_good = answer.is_some_and(|found| self.holds_token(&found));
                    Next::Done(is_good.into(), is_good)
                }
            },
            Kind::OtherState => match stage.number {
                0 => Next::Later(next(stage), self.chance.within(SECOND..10 * SECOND)),
                _ => state("other", true, true, ""),
            },
            Kind::Other => match stage.number {
                0 => Next::Later(next(stage), self.chance.within(SECOND..6 * SECOND)),
                _ => Next::Done(true.into(), true),
            },
        }
    }

    /// States do not run beside each other on a minion, unless they are told to: gives the job that
    /// is in the way of one that begins.
    fn state_at_work(&self, node: usize, job: &Job) -> Option<String> {
        if !job.kind.is_state() || job.stage != Stage::default() {
            return None;
        }
        let mut others = self.minions[node].jobs.values();
        let other = others.find(|other| {
            let is_other = other.published.jid != job.published.jid;
            is_other && other.kind.is_state() && other.stage.number > 0 && !other.is_returning
        });
        other.map(|other| other.published.jid.to_string())
    }

    /// What a wipe guard asks for.
    fn disk_facts(&self, node: usize) -> Next {
        let machine = &self.minions[node].machine;
        let is_member = machine.control_plane != Done::No || machine.joined != Done::No;
        let carries = match is_member {
            true => vec![Value::str("/etc/kubernetes/kubelet.conf")],
            false => Vec::new(),
        };
        let disk = Map::from([
            ("device", "/dev/vda"),
            ("serial", "A1"),
            ("content", "empty"),
        ]);
        let facts = Map::from([
            ("disks", Value::List(vec![disk.into()])),
            ("carries", Value::List(carries)),
        ]);
        Next::Done(facts.into(), true)
    }

    fn install(&mut self, node: usize, stage: Stage) -> Next {
        let machine = &mut self.minions[node].machine;
        if stage.number == 0 {
            if machine.is_installed {
                return state(
                    "live",
                    false,
                    false,
                    "this node runs from its installed disk",
                );
            }
            machine.systems_lost += u32::from(machine.disk == Disk::Installed);
            machine.wipes += 1;
            machine.disk = Disk::Half;
            return Next::Later(next(stage), self.chance.within(8 * SECOND..90 * SECOND));
        }
        machine.disk = Disk::Installed;
        // Some restart before their return is out, some long after.
        let pause = self.chance.within(0..16) * SECOND / self.chance.within(1..20);
        let off = self.chance.within(SECOND..60 * SECOND);
        self.todo(node, pause, Todo::PowerOff(off, true));
        state("microos", true, true, "")
    }

    fn init(&mut self, node: usize, stage: Stage) -> Next {
        let machine = &mut self.minions[node].machine;
        match (stage.number, machine.control_plane) {
            (0, _) if !machine.is_installed => state("init", false, false, "there is no kubeadm"),
            (0, Done::Yes) => state("init", true, false, "a control plane already"),
            (0, Done::Half) => state("init", false, false, "preflight: files exist"),
            (0, Done::No) => {
                machine.inits += 1;
                machine.control_plane = Done::Half;
                Next::Later(next(stage), self.chance.within(10 * SECOND..60 * SECOND))
            }
            _ => {
                machine.control_plane = Done::Yes;
                state("init", true, true, "")
            }
        }
    }

    /// Begins, and is counted, at once; takes a while.
    fn errand(&mut self, node: usize, job: &Job) -> Next {
        let stage = job.stage;
        if stage.number > 0 {
            return Next::Done(true.into(), true);
        }
        let fun = job.published.fun.to_text();
        let what = job.published.arg.first().map(Value::to_text);
        let name = match (fun.as_str(), what) {
            ("errand.once", Some(what)) => what,
            (fun, what) => format!("{fun} {}", what.unwrap_or_default()),
        };
        let machine = &mut self.minions[node].machine;
        *machine.errands.entry(name).or_default() += 1;
        Next::Later(next(stage), self.chance.within(SECOND..15 * SECOND))
    }

    fn read_params(&self, stage: Stage) -> Next {
        let tgt = Value::str(self.minions[0].id.as_str());
        let fun = "join_params".to_owned();
        Next::Ask(next(stage), Ask::MineGet { tgt, fun })
    }

    fn holds_token(&self, found: &Map) -> bool {
        let maker = &self.minions[0];
        let params = found.get(maker.id.as_str());
        let token = params.and_then(|params| params.get("token"));
        let token = token.map(Value::to_text).unwrap_or_default();
        maker.machine.tokens.contains(&token)
    }

    fn make_token(&mut self, node: usize) -> Map {
        let (id, secret) = (self.chance.within(0..1 << 24), self.chance.draw());
        let token = format!("{id:06x}.{secret:016x}");
        self.secrets.push(token.clone());
        self.minions[node].machine.tokens.push(token.clone());
        Map::from([
            ("token", token.as_str()),
            ("api-server-endpoint", "cp:6443"),
            ("discovery-token-ca-cert-hash", "sha256:00"),
        ])
    }

    fn mine_send(&mut self, node: usize, job: &Job, answer: Option<Map>) -> Next {
        if job.stage.number > 0 {
            return Next::Done(answer.is_some().into(), answer.is_some());
        }
        let params = self.make_token(node);
        let kwargs = kwargs(&job.published);
        let value = match kwargs.get("allow_tgt") {
            Some(allow) => Map::from([
                ("__data__", Value::from(params)),
                ("__saltmine_acl__", 1.into()),
                ("allow_tgt", allow.clone()),
                (
                    "allow_tgt_type",
                    kwargs.get("allow_tgt_type").cloned().unwrap_or_default(),
                ),
            ]),
            None => params,
        };
        let name = job
            .published
            .arg
            .first()
            .map(Value::to_text)
            .unwrap_or_default();
        Next::Ask(next(job.stage), Ask::MineSend(Map::from([(name, value)])))
    }

    fn join(&mut self, node: usize, stage: Stage, answer: Option<Map>) -> Next {
        let machine = &self.minions[node].machine;
        match (stage.number, answer) {
            (0, _) if !machine.is_installed => state("join", false, false, "there is no kubeadm"),
            (0, _) if machine.joined == Done::Yes => state("join", true, false, "joined already"),
            (0, _) => self.read_params(stage),
            (1, None) if stage.tries == 0 => state("join", false, false, "no answer"),
            (1, Some(found)) if !self.holds_token(&found) => {
                state("join", false, false, "no valid token")
            }
            (1, Some(_)) => self.knock(node, stage),
            (1, None) => self.knock(node, stage),
            _ => {
                self.minions[node].machine.joined = Done::Yes;
                state("join", true, true, "")
            }
        }
    }

    /// kubeadm waits up to five minutes for the control plane.
    fn knock(&mut self, node: usize, stage: Stage) -> Next {
        if !self.minions[0].is_up && stage.tries < 60 {
            return Next::Later(again(stage), 5 * SECOND);
        }
        let machine = &mut self.minions[node].machine;
        machine.joins += 1;
        machine.joined = Done::Half;
        Next::Later(next(stage), self.chance.within(5 * SECOND..40 * SECOND))
    }

    fn check(&mut self, job: &Job, stage: Stage) -> Next {
        let pillar = kwargs(&job.published).get("pillar").cloned();
        let pillar = pillar.unwrap_or_default();
        let expected = pillar.traverse("kubic:nodes_expected", ":");
        let expected = expected.and_then(Value::as_u64).unwrap_or(1);
        let machines = self.minions.iter().map(|minion| &minion.machine);
        let is_member = |machine: &&super::machine::Machine| {
            machine.joined == Done::Yes || machine.control_plane == Done::Yes
        };
        let known = machines.filter(is_member).count() as u64;
        match known >= expected {
            true => state("nodes", true, false, ""),
            false if stage.tries < 120 => Next::Later(again(stage), SECOND),
            false => state("nodes", false, false, "too few nodes"),
        }
    }

    fn find_job(&mut self, node: usize, job: &Job, stage: Stage) -> Next {
        // A busy machine was seen to take 49 seconds.
        if stage.number == 0 && self.chance.within(0..20) == 0 {
            return Next::Later(next(stage), self.chance.within(SECOND..50 * SECOND));
        }
        let asked = job.published.arg.first().map(Value::to_text);
        let asked = asked.unwrap_or_default();
        let mut jobs = self.minions[node].jobs.values();
        // What only waits to be returned runs in a process that is still there.
        let found = jobs.find(|job| job.published.jid.as_str() == asked);
        let found = found.map(|job| {
            Map::from([
                ("jid", Value::str(&asked)),
                ("fun", job.published.fun.clone()),
                ("pid", 4242.into()),
            ])
        });
        Next::Done(found.unwrap_or_default().into(), true)
    }
}
