//! What `salt.state` and `salt.function` share: whom to ask, who may fail, and who did not answer
//! why.

use model::api::MinionPhase;
use model::{Map, MinionId, Value};
use serde::{Deserialize, Serialize};

use crate::arguments::Arguments;
use crate::attempt::{Attempt, MinionState};
use crate::effect::JobRequest;

use super::rebooting::{self, Proof, Rebooting};
use super::rolling::Rolling;
use super::{Begin, Outcome, Scene};

/// Whom a step asks and what it forgives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audience {
    /// The target.
    pub tgt: Value,
    /// How it is read.
    pub tgt_type: String,
    /// Returners, as written.
    pub ret: Value,
    /// Configuration of the returners.
    pub ret_config: Value,
    /// Keyword arguments of the returners.
    pub ret_kwargs: Value,
    /// How long minions may be silent before they are asked, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// The same as written, for the bus.
    pub timeout: Value,
    /// Only so many of them.
    pub subset: Option<u64>,
    /// `expect_minions`, as written.
    pub expect_minions: Option<bool>,
    /// Minions whose failure does not count.
    pub fail_minions: Vec<String>,
    /// `reboot_expected`: whether a minion that starts again instead of answering did well. If the
    /// SLS does not say, a wait for the minions' start that requires this step says yes.
    #[serde(default)]
    pub expects_reboot: Option<bool>,
    /// `reboot_expected: True`, as the SLS says it: a new boot of each machine is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rebooting: Option<Rebooting>,
    /// `batch`, `max_parallel` or `serial`: not all at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolling: Option<Rolling>,
    /// `batch` as Salt tells the bus, if it is written so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
}

impl Audience {
    pub(crate) fn parse(arguments: &mut Arguments<'_>) -> Self {
        if arguments.value("ssh").is_some_and(Value::is_truthy) {
            arguments.refuse("'ssh: True' is not supported: this master has no salt-ssh");
        }
        if arguments.value("roster").is_some() {
            arguments.warn("'roster' means nothing without ssh. Ignored.");
        }
        let tgt = arguments.required("tgt");
        if tgt.as_map().is_some() {
            arguments.refuse("'tgt' must be text or a list of minion ids");
        }
        let timeout = arguments.value("timeout").cloned().unwrap_or_default();
        let expects_reboot = arguments.flag("reboot_expected");
        let terms = Rebooting::parse(arguments, ["reboot_timeout", "reboot_timeout_max"]);
        Self {
            tgt_type: arguments.text("tgt_type").unwrap_or_else(|| "glob".into()),
            tgt,
            ret: arguments.value("ret").cloned().unwrap_or_else(|| "".into()),
            ret_config: arguments.value("ret_config").cloned().unwrap_or_default(),
            ret_kwargs: arguments.value("ret_kwargs").cloned().unwrap_or_default(),
            timeout_ms: arguments.seconds("timeout"),
            timeout,
            subset: arguments.count("subset"),
            expect_minions: arguments.flag("expect_minions"),
            fail_minions: arguments.names("fail_minions").unwrap_or_default(),
            expects_reboot,
            rebooting: (expects_reboot == Some(true)).then_some(terms),
            rolling: Rolling::parse(arguments),
            batch: arguments.value("batch").map(Value::to_text),
        }
    }

    /// Gives what is waited for where machines are to restart; nothing, if the step only says what
    /// it would do.
    pub(crate) fn terms(&self, scene: &Scene<'_>) -> Option<Rebooting> {
        self.rebooting.filter(|_| !scene.is_test && !scene.is_pre)
    }

    /// Says whether a minion ended in a way that counts against the step.
    pub(crate) fn has_failed(
        &self,
        terms: Option<Rebooting>,
        attempt: &Attempt,
        id: &MinionId,
    ) -> bool {
        let minion = &attempt.minions[id];
        let is_bad = minion.phase.has_ended() && minion.phase != MinionPhase::Ok;
        let is_away = terms.is_some_and(|terms| terms.is_late(attempt, id));
        let is_bad = is_bad && !self.is_back(minion);
        (is_bad || is_away) && !self.forgives(id.as_str())
    }

    /// Watches the log for starts beside the job, if machines are to restart.
    pub(crate) fn begin(&self, scene: &Scene<'_>, request: JobRequest, told: Map) -> Begin {
        let request = Box::new(request);
        match self.terms(scene).filter(|_| self.rolling.is_none()) {
            Some(_) => Begin::JobAndWait {
                request,
                told,
                glob: rebooting::STARTS.clone(),
                timeout: None,
            },
            None => Begin::Job { request, told },
        }
    }

    /// Makes the job.
    pub(crate) fn request(
        &self,
        scene: &Scene<'_>,
        fun: &str,
        arg: &[Value],
        kwarg: &Map,
    ) -> JobRequest {
        let mut arg = arg.to_vec();
        if !kwarg.is_empty() {
            let mut kwargs = Map::from([("__kwarg__", true)]);
            kwargs.extend(kwarg.clone());
            arg.push(kwargs.into());
        }
        let ret = match &self.ret {
            Value::List(names) => {
                let names: Vec<String> = names.iter().map(Value::to_text).collect();
                names.join(",")
            }
            other => other.to_text(),
        };
        JobRequest {
            tgt: self.tgt.clone(),
            tgt_type: self.tgt_type.clone(),
            fun: fun.to_owned(),
            arg,
            ret,
            ret_config: self.ret_config.clone(),
            ret_kwargs: self.ret_kwargs.clone(),
            timeout_ms: self.timeout_ms,
            subset: self.subset,
            user: scene.user.to_owned(),
            hides_output: scene.hides_output,
            secret: None,
            wants_boot: self.wants_boot(scene),
            metadata: Map::from([
                ("orchestration", scene.run.as_str()),
                ("step", scene.chunk.id.as_str()),
            ]),
        }
    }

    /// Makes the `args` of the event `salt/run/<jid>/args`, with Salt's keys in Salt's order.
    pub(crate) fn told(&self, arg: &[Value], kwarg: &Map, expect_by_default: bool) -> Map {
        let mut args = Map::from([
            ("arg", Value::List(arg.to_vec())),
            ("kwarg", kwarg.clone().into()),
            ("ret", self.ret.clone()),
            ("timeout", self.timeout.clone()),
        ]);
        for (key, value) in [
            ("ret_config", &self.ret_config),
            ("ret_kwargs", &self.ret_kwargs),
        ] {
            if value.is_truthy() {
                args.insert(key, value.clone());
            }
        }
        args.insert("tgt_type", self.tgt_type.as_str());
        args.insert("ssh", false);
        let expect = self.expect_minions.unwrap_or(expect_by_default);
        args.insert("expect_minions", expect);
        if let Some(batch) = &self.batch {
            args.insert("batch", batch.as_str());
        }
        if let Some(subset) = self.subset {
            args.insert("subset", subset);
        }
        args
    }

    /// Says whether a minion that does not answer is a failure. Salt's `salt.function` forgives it
    /// by default; here only `expect_minions: False`, written out, does: nothing is a success by
    /// default.
    pub(crate) fn is_expected(&self) -> bool {
        self.expect_minions.unwrap_or(true)
    }

    fn wants_boot(&self, scene: &Scene<'_>) -> bool {
        let is_by_boot = |terms: Rebooting| terms.proof == Proof::Boot;
        self.terms(scene).is_some_and(is_by_boot)
    }

    /// Says whether a minion did well by starting again instead of answering.
    pub(crate) fn is_back(&self, minion: &MinionState) -> bool {
        let is_silent = minion.answer.is_none();
        self.expects_reboot == Some(true) && is_silent && minion.phase == MinionPhase::Rebooted
    }

    /// Gives the minions that will not answer, or whose machines should have restarted and did not,
    /// listed ids without an accepted key included, sorted; each with what is known of it.
    pub(crate) fn silent(
        &self,
        attempt: &Attempt,
        terms: Option<Rebooting>,
    ) -> Vec<(String, String)> {
        let unanswered = |(id, minion): (&MinionId, &MinionState)| {
            let is_silent = minion.answer.is_none() && !self.is_back(minion);
            if terms.is_some_and(|terms| terms.is_late(attempt, id)) {
                return Some((id.to_string(), Rebooting::why_not(attempt, id)));
            }
            is_silent.then(|| (id.to_string(), why(id, minion)))
        };
        let mut silent: Vec<_> = attempt.minions.iter().filter_map(unanswered).collect();
        for id in &attempt.missing {
            let why = format!("Minion {id} is not an accepted minion of this master.");
            silent.push((id.clone(), why));
        }
        silent.sort();
        silent
    }

    pub(crate) fn forgives(&self, id: &str) -> bool {
        self.fail_minions.iter().any(|forgiven| forgiven == id)
    }
}

/// Gives the outcome of an attempt that could not ask anybody, or nothing if it must be looked at.
pub(crate) fn refused(attempt: &Attempt) -> Option<Outcome> {
    attempt.refused.as_ref().map(Outcome::failed)
}

fn why(id: &MinionId, minion: &MinionState) -> String {
    let how = match minion.phase {
        MinionPhase::Rebooted => "started again before it returned",
        MinionPhase::Lost => "has the job no more, and its return never came",
        MinionPhase::NeverSeen => "has shown no sign of life since before the job",
        MinionPhase::Cancelled => "was called off",
        MinionPhase::Waiting | MinionPhase::Running => "has not returned",
        MinionPhase::Ok | MinionPhase::Failed => "returned",
    };
    match minion.why.trim() {
        "" => format!("Minion {id} {how}."),
        why if why.starts_with("it ") => format!("Minion {id}: {why}."),
        why => format!("Minion {id} {how}: {why}"),
    }
}

/// Puts the jid into an outcome, if anybody was asked.
pub(crate) fn with_jid(mut outcome: Outcome, attempt: &Attempt) -> Outcome {
    if let (Some(jid), false) = (&attempt.jid, attempt.minions.is_empty()) {
        outcome.more.insert("__jid__".into(), jid.as_str().into());
    }
    outcome
}

/// Says in an outcome whose restart is not proven.
pub(crate) fn with_doubts(
    mut outcome: Outcome,
    attempt: &Attempt,
    terms: Option<Rebooting>,
) -> Outcome {
    if let Some(doubts) = terms.and_then(|terms| terms.doubts(attempt)) {
        outcome.comment.push('\n');
        outcome.comment.push_str(&doubts);
    }
    outcome
}
