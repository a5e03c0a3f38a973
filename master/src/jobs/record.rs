//! What can happen to a job.

use model::api::MinionPhase;
use model::target::{Target, TargetType};
use model::{Jid, Map, MinionId, Tag, Value};
use serde::{Deserialize, Serialize};

/// Minions that a question names, where fewer words would reach them as well.
const NAMED_IN_QUESTION_MAX: usize = 100;

/// A job as it was decided on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPublished {
    /// Its id.
    pub jid: Jid,
    /// The function, or the list of functions.
    pub fun: Value,
    /// The arguments; keyword arguments are a last map with `__kwarg__`.
    pub arg: Vec<Value>,
    /// The target.
    pub tgt: Value,
    /// How the target is read.
    pub tgt_type: TargetType,
    /// Returners, comma separated.
    pub ret: String,
    /// Who asked.
    pub user: String,
    /// Further keys of the published load: `metadata`, `module_executors`, `id` of a peer, ...
    #[serde(default)]
    pub extra: Map,
    /// The minions that are expected to answer.
    pub minions: Vec<MinionId>,
    /// Listed ids that are no accepted minions.
    pub missing: Vec<String>,
    /// The run and the step that asked, if one did.
    #[serde(default)]
    pub step: Option<StepRef>,
    /// `hide_output` of the step: what minions return is kept nowhere in clear.
    #[serde(default)]
    pub hides_output: bool,
    /// What comes back is a secret for these readers (`salt.secret`).
    #[serde(default)]
    pub secret: Option<orch::SecretRequest>,
    /// The job that this one asks about, if it is a `find_job` of ours.
    #[serde(default)]
    pub probes: Option<Jid>,
    /// Whether it asks minions for the boot of their machine, which nobody sees.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asks_boot: bool,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRef {
    /// The run.
    pub run: Jid,
    /// The step's place in the plan, from 0.
    pub step: usize,
}

/// The end of a job at one minion without a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinionEnded {
    /// The job.
    pub jid: Jid,
    /// The minion.
    pub id: MinionId,
    /// `Rebooted`, `Lost`, `Cancelled` or `NeverSeen`.
    pub phase: MinionPhase,
    /// Why we say so, for a person.
    pub why: String,
}

impl JobPublished {
    /// Gives a question of the master's own to these minions. What it is asked for, `probes` or
    /// `asks_boot`, is for the caller to say. `wide` is a target that has all of them and few
    /// others, if there is one: a list of thousands of ids would go to each of as many connections.
    pub(crate) fn question(
        jid: Jid,
        fun: &str,
        arg: Vec<Value>,
        ids: &[MinionId],
        wide: Option<Target>,
    ) -> Self {
        let wide = wide.filter(|_| ids.len() > NAMED_IN_QUESTION_MAX);
        let target = wide.unwrap_or_else(|| Target::list(ids));
        Self {
            jid,
            fun: Value::str(fun),
            arg,
            tgt: target.tgt,
            tgt_type: target.tgt_type,
            ret: String::new(),
            user: "root".into(),
            extra: Map::new(),
            minions: ids.to_vec(),
            missing: Vec::new(),
            step: None,
            hides_output: false,
            secret: None,
            probes: None,
            asks_boot: false,
        }
    }

    /// Says whether it is a question of the master's own, which is no job for its users.
    pub fn is_question(&self) -> bool {
        self.probes.is_some() || self.asks_boot
    }

    /// Gives the events that announce the job, as python's master fires them before it sends.
    pub(crate) fn events(&self) -> Vec<(Tag, Map)> {
        if self.asks_boot {
            return Vec::new();
        }
        let minions: Value = self
            .minions
            .iter()
            .map(|id| Value::str(id.as_str()))
            .collect();
        let missing: Value = self.missing.iter().map(Value::from).collect();
        let new = Map::from([
            ("jid", Value::str(self.jid.as_str())),
            ("tgt_type", Value::str(self.tgt_type.as_str())),
            ("tgt", self.tgt.clone()),
            ("user", Value::str(&self.user)),
            ("fun", self.fun.clone()),
            ("arg", Value::List(self.arg.clone())),
            ("minions", minions.clone()),
            ("missing", missing),
        ]);
        vec![
            (
                Tag::new(self.jid.as_str()),
                Map::from([("minions", minions)]),
            ),
            (Tag::job_new(&self.jid), new),
        ]
    }
}
