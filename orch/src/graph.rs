//! A plan as a graph for people: what each step will do, to whom, after what, and what to beware
//! of.
//!
//! Which minions a target means is not known here; the master adds it.

use std::collections::BTreeSet;

use model::Value;
use model::api::{PlanMark, PlanNeed, PlanStep};

use crate::conditions::Conditions;
use crate::effect::Call;
use crate::plan::{Plan, PlannedStep};
use crate::steps::Work;
use crate::steps::wipe_guard::WipeGuard;

impl Plan {
    /// Gives the steps as they would run.
    pub fn graph(&self) -> Vec<PlanStep> {
        let steps = self.steps.iter().enumerate();
        steps
            .map(|(index, step)| self.graph_step(index, step))
            .collect()
    }

    /// Gives the guards of disks, each with the step it is.
    pub fn wipe_guards(&self) -> impl Iterator<Item = (usize, &WipeGuard)> {
        let steps = self.steps.iter().enumerate();
        steps.filter_map(|(index, step)| match &step.work {
            Work::WipeGuard(guard) => Some((index, guard)),
            _ => None,
        })
    }

    fn graph_step(&self, index: usize, step: &PlannedStep) -> PlanStep {
        let chunk = &step.chunk;
        let mut needs: Vec<PlanNeed> = Vec::new();
        for need in &step.needs {
            let other = &self.steps[need.step].chunk;
            let need = PlanNeed {
                kind: need.kind.as_str().to_owned(),
                key: other.key(),
                id: other.id.clone(),
            };
            if !needs.contains(&need) {
                needs.push(need);
            }
        }
        let (target, target_type) = step.work.target().unwrap_or_default();
        PlanStep {
            key: chunk.key(),
            id: chunk.id.clone(),
            fun: format!("{}.{}", chunk.state, chunk.fun),
            what: what(step) + if_let(step),
            target,
            target_type,
            marks: self.marks(index, step).into_iter().collect(),
            needs,
            is_change: is_change(&step.work),
            ..PlanStep::default()
        }
    }

    fn marks(&self, index: usize, step: &PlannedStep) -> BTreeSet<PlanMark> {
        let mut marks = BTreeSet::new();
        let mut mark = |is_so: bool, mark: PlanMark| {
            if is_so {
                marks.insert(mark);
            }
        };
        mark(self.may_wipe(step), PlanMark::Wipe);
        mark(step.work.reboots(), PlanMark::Reboot);
        mark(matches!(step.work, Work::Secret(_)), PlanMark::Secret);
        mark(step.work.as_approve().is_some(), PlanMark::Approval);
        mark(step.work.as_wait().is_some(), PlanMark::Wait);
        mark(step.is_finally, PlanMark::Finally);
        mark(step.is_parallel, PlanMark::Parallel);
        mark(step.retry.is_some(), PlanMark::Retry);
        mark(step.hides_output, PlanMark::HiddenOutput);
        let is_last = index + 1 == self.steps.len();
        let stops = step.failhard.unwrap_or(self.options.failhard);
        mark(stops && !is_last, PlanMark::Failhard);
        marks
    }

    /// A step wipes if it says so, or if it stands behind a guard against that.
    fn may_wipe(&self, step: &PlannedStep) -> bool {
        let says_so = step.chunk.args.get("wipes").is_some_and(Value::is_truthy);
        let is_guard = |need: &crate::plan::Need| self.steps[need.step].chunk.fun == "wipe_guard";
        let is_guard_itself = matches!(step.work, Work::WipeGuard(_));
        says_so || is_guard_itself || step.needs.iter().any(is_guard)
    }
}

impl Work {
    /// Gives whom it targets and how that is read, if it asks minions.
    pub(crate) fn target(&self) -> Option<(String, String)> {
        let audience = match self {
            Work::State(state) => &state.audience,
            Work::Function(function) => &function.audience,
            Work::Reboot(reboot) => &reboot.audience,
            Work::Secret(secret) => &secret.audience,
            Work::WipeGuard(guard) => &guard.audience,
            _ => return None,
        };
        let tgt = match &audience.tgt {
            Value::List(ids) => {
                let ids: Vec<String> = ids.iter().map(Value::to_text).collect();
                ids.join(",")
            }
            other => other.to_text(),
        };
        Some((tgt, audience.tgt_type.clone()))
    }

    /// Gives the ids that it names outright: a list of minions, or the ids of a wait.
    pub fn named_ids(&self) -> Vec<String> {
        let audience = match self {
            Work::WaitForEvent(wait) => {
                return wait.ids.iter().map(|wait| wait.id.clone()).collect();
            }
            Work::State(state) => &state.audience,
            Work::Function(function) => &function.audience,
            Work::Reboot(reboot) => &reboot.audience,
            Work::Secret(secret) => &secret.audience,
            Work::WipeGuard(guard) => &guard.audience,
            _ => return Vec::new(),
        };
        match (&audience.tgt, audience.tgt_type.as_str()) {
            (Value::List(ids), _) => ids.iter().map(Value::to_text).collect(),
            (Value::Str(ids), "list") => ids.split(',').map(|id| id.trim().to_owned()).collect(),
            _ => Vec::new(),
        }
    }

    /// Says whether machines are expected to start again by it.
    pub(crate) fn reboots(&self) -> bool {
        let expects = |audience: &crate::steps::Audience| audience.expects_reboot == Some(true);
        match self {
            Work::Reboot(_) => true,
            Work::State(state) => expects(&state.audience),
            Work::Function(function) => expects(&function.audience),
            _ => false,
        }
    }
}

/// Says whether a step does something. Tests, waits and questions change nothing by themselves.
fn is_change(work: &Work) -> bool {
    match work {
        Work::WaitForEvent(_) | Work::Approve(_) | Work::Test(_) | Work::WipeGuard(_) => false,
        Work::State(state) => state.test != Some(true),
        Work::OnMaster(state) => state.is_change(),
        _ => true,
    }
}

/// Says that a step may be passed over.
fn if_let(step: &PlannedStep) -> &'static str {
    let conditions = step.conditions.as_ref();
    match conditions.and_then(Conditions::before) {
        Some(_) => ", if its conditions let it",
        None => "",
    }
}

fn what(step: &PlannedStep) -> String {
    let on = |text: String| match step.work.target() {
        Some((target, _)) => format!("{text} on {target}"),
        None => text,
    };
    match &step.work {
        Work::State(state) => {
            let names: Vec<String> = state.arg.iter().map(Value::to_text).collect();
            let verb = if state.test == Some(true) {
                "test"
            } else {
                "apply"
            };
            let names = if names.is_empty() {
                "the highstate".to_owned()
            } else {
                names.join(",").replace(',', ", ")
            };
            on(format!("{verb} {names}"))
        }
        Work::Function(function) => {
            let words: Vec<String> = function.arg.iter().map(Value::to_text).collect();
            on(format!("{} {}", function.fun, words.join(" "))
                .trim_end()
                .to_owned())
        }
        Work::Reboot(reboot) => on(format!("restart with {}, and wait until back", reboot.fun)),
        Work::Runner(runner) => format!("runner {}", call(&runner.call)),
        Work::Wheel(wheel) => format!("wheel {}", call(&wheel.call)),
        Work::ParallelRunners(runners) => {
            let calls: Vec<String> = runners.runners.iter().map(|(_, one)| call(one)).collect();
            format!("runners {}", calls.join(", "))
        }
        Work::WaitForEvent(wait) => {
            let ids: Vec<&str> = wait.ids.iter().map(|wait| wait.id.as_str()).collect();
            let seconds = wait.timeout_ms / 1000;
            format!(
                "wait for {} of {}, {seconds} s at most",
                wait.glob.as_str(),
                ids.join(", ")
            )
        }
        Work::Approve(approve) => match approve.timeout_ms {
            Some(millis) => format!("ask: {} ({} s at most)", approve.text, millis / 1000),
            None => format!("ask: {}", approve.text),
        },
        Work::Secret(secret) => on(format!("make a secret with {}", secret.fun)),
        Work::WipeGuard(_) => on("look at what would be lost".to_owned()),
        // Kinds without words of their own are told by their function and name.
        _ => {
            let name = &step.chunk.name;
            on(format!("{}.{} {name}", step.chunk.state, step.chunk.fun))
        }
    }
}

fn call(call: &Call) -> String {
    let words: Vec<String> = call.arg.iter().map(Value::to_text).collect();
    format!("{} {}", call.fun, words.join(" "))
        .trim_end()
        .to_owned()
}
