//! A plan: low chunks with their arguments parsed and their requisites resolved, once and for all.
//!
//! Made when a run is asked for, stored whole with it, never made again: what changes in the file
//! roots while a run waits for a reboot does not change the run. Everything that can be known to be
//! wrong is refused here, before a single job is sent.

use model::{Map, Value};
use serde::{Deserialize, Serialize};
use states::low_chunk::LowChunk;
use states::requisites::{self, RequisiteKind};

use crate::arguments::Arguments;
use crate::blocks::{self, Owner};
use crate::conditions::Conditions;
use crate::error::{Error, Problem};
use crate::steps::Work;
use crate::steps::on_master::OnMaster;
use crate::steps::wait_for_event::WaitForEvent;

/// A compiled orchestration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What was asked for, such as `orch.kubic`.
    pub name: String,
    /// The SLS that have steps, in order.
    pub sls: Vec<String>,
    /// The steps in the order Salt would run them.
    pub steps: Vec<PlannedStep>,
    /// The files it was made of, each with its hash.
    pub sources: Vec<(String, String)>,
    /// What holds for the whole run.
    pub options: Options,
    /// What is odd but does not keep it from running.
    pub warnings: Vec<String>,
    /// The names of the locks that its run holds (`lock:` of any step): of the runs that want one
    /// of them, only one is under way.
    #[serde(default)]
    pub locks: Vec<String>,
}

/// What holds for a whole run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The name under which results are shown: `<hostname>_master`.
    pub master_id: String,
    /// `test=True`: say what would be done.
    #[serde(default)]
    pub is_test: bool,
    /// Stop at the first failed step, whatever the steps say.
    #[serde(default)]
    pub failhard: bool,
    /// Whether steps may run commands and write files on the master (`template_commands`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub runs_commands: bool,
    /// `yes_wipe`: the hash of what may be lost, as a `salt.wipe_guard` printed it.
    #[serde(default)]
    pub yes_wipe: Option<String>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// The chunk it was made of.
    pub chunk: LowChunk,
    /// What it does.
    pub work: Work,
    /// The steps it looks at before it starts.
    pub needs: Vec<Need>,
    /// `parallel: True`: the next steps do not wait for it.
    #[serde(default)]
    pub is_parallel: bool,
    /// `failhard`, as the step says it; `None` leaves it to the run.
    #[serde(default)]
    pub failhard: Option<bool>,
    /// `retry`.
    #[serde(default)]
    pub retry: Option<Retry>,
    /// `onlyif`, `unless`, `creates`, `check_cmd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Conditions>,
    /// `finally: True`: it runs when everything else is over, however that ended: well, failed,
    /// stopped or cancelled.
    #[serde(default)]
    pub is_finally: bool,
    /// The step whose `finally` or `compensate` block it is of; it runs only if that one did
    /// something.
    #[serde(default)]
    pub owner: Option<Owner>,
    /// `hide_output: True`: what comes back is not kept in clear.
    #[serde(default)]
    pub hides_output: bool,
    /// `step_timeout`: how long one try may take, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// For a listener, which runs when all else is done: the steps to whose changes it reacts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listens: Vec<usize>,
}

/// A requisite on another step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// How.
    pub kind: RequisiteKind,
    /// The other step.
    pub step: usize,
}

/// `retry` of a step, with Salt's defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// How often the step is tried at most.
    pub attempts: u32,
    /// Milliseconds between the end of one and the start of the next.
    pub interval_ms: u64,
    /// The result that ends it.
    pub until: bool,
    /// `backoff`: by how many thousandths each interval is longer than the one before; 1000 is as
    /// long.
    #[serde(default = "as_long", skip_serializing_if = "is_as_long")]
    pub backoff_thousandths: u64,
    /// `interval_max`: no interval is longer, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_max_ms: Option<u64>,
}

fn as_long() -> u64 {
    1000
}

fn is_as_long(thousandths: &u64) -> bool {
    *thousandths == as_long()
}

impl Retry {
    /// Gives the milliseconds between the end of the try of that number and the next.
    pub(crate) fn interval_after(&self, tries: u32) -> u64 {
        let mut interval = self.interval_ms;
        for _ in 1..tries {
            let longer = u128::from(interval) * u128::from(self.backoff_thousandths) / 1000;
            let longer = u64::try_from(longer).unwrap_or(u64::MAX);
            if longer == interval || longer > INTERVAL_MS_MAX {
                break;
            }
            interval = longer;
        }
        interval.min(self.interval_max_ms.unwrap_or(u64::MAX))
    }
}

/// Back-off makes no interval longer than a day, in milliseconds: nobody would still wait for it.
const INTERVAL_MS_MAX: u64 = 24 * 60 * 60 * 1000;

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 2,
            interval_ms: 30_000,
            until: true,
            backoff_thousandths: as_long(),
            interval_max_ms: None,
        }
    }
}

/// More attempts than this are a typing error: at Salt's interval of 30 s they would take a month.
const ATTEMPTS_MAX: u64 = 100_000;

impl Plan {
    /// Plans low chunks, which are in the order Salt would run them. `sources` are the files they
    /// were made of, each with its hash.
    ///
    /// # Errors Every problem of every chunk: unknown states and missing arguments in Salt's words,
    /// requisites that do not exist or go in circles, waits that can never end, what is not
    /// supported.
    pub fn compile(
        name: &str,
        low: Vec<LowChunk>,
        sources: Vec<(String, String)>,
        options: Options,
    ) -> Result<Plan, Error> {
        let mut problems = Vec::new();
        let mut warnings = Vec::new();
        if low.is_empty() {
            problems.push(Problem {
                id: String::new(),
                sls: name.to_owned(),
                what: format!("No states found for '{name}': there is nothing to orchestrate"),
            });
        }
        let processed: Vec<String> = sources.iter().map(|(path, _)| sls_of(path)).collect();
        let resolved = requisites::resolve(&low, &processed);
        for problem in &resolved.problems {
            problems.push(Problem::of(&low[problem.chunk], problem.comment.as_str()));
        }
        let mut steps = Vec::with_capacity(low.len());
        for (index, chunk) in low.into_iter().enumerate() {
            let edges = resolved.edges.iter().filter(|edge| edge.from == index);
            let needs = edges.map(|edge| Need {
                kind: edge.kind,
                step: edge.to,
            });
            let needs = needs.collect();
            if let Some(step) = plan_step(chunk, needs, &mut problems, &mut warnings) {
                steps.push(step);
            }
        }
        plan_blocks(&mut steps, &mut problems, &mut warnings);
        if !options.runs_commands {
            problems.extend(steps.iter().filter_map(not_allowed));
        }
        if !problems.is_empty() {
            let name = name.to_owned();
            return Err(Error { name, problems });
        }
        add_listeners(&mut steps, &resolved.edges);
        let mut plan = Plan {
            name: name.to_owned(),
            sls: Vec::new(),
            steps,
            sources,
            options,
            warnings,
            locks: Vec::new(),
        };
        for step in &plan.steps {
            if !plan.sls.contains(&step.chunk.sls) {
                plan.sls.push(step.chunk.sls.clone());
            }
            let lock = step.chunk.args.get("lock").map(Value::to_text);
            plan.locks
                .extend(lock.filter(|lock| !plan.locks.contains(lock)));
        }
        plan.expect_awaited_reboots();
        plan.warn_of_free_steps();
        plan.warn_of_waits();
        plan.refuse_needs_on_finally()?;
        Ok(plan)
    }

    /// A step that a wait for `salt/minion/*/start` requires is one that reboots: its minions may
    /// well start again before their answer has got through.
    fn expect_awaited_reboots(&mut self) {
        let mut rebooting = Vec::new();
        for step in &self.steps {
            let waits = step
                .work
                .as_wait()
                .is_some_and(WaitForEvent::waits_for_starts);
            let required = step
                .needs
                .iter()
                .filter(|need| need.kind == RequisiteKind::Require);
            rebooting.extend(required.filter(|_| waits).map(|need| need.step));
        }
        for step in rebooting {
            if let Some(audience) = self.steps[step].work.audience_mut() {
                audience.expects_reboot.get_or_insert(true);
            }
        }
    }

    /// What comes last cannot be needed by what comes before.
    fn refuse_needs_on_finally(&self) -> Result<(), Error> {
        let is_finally = |need: &Need| self.steps[need.step].is_finally;
        let steps = self.steps.iter().filter(|step| !step.is_finally);
        let wrong = steps.filter(|step| step.needs.iter().any(is_finally));
        let problems: Vec<Problem> = wrong
            .map(|step| {
                let what = "it has a requisite on a step with 'finally', which runs after it";
                Problem::of(&step.chunk, what)
            })
            .collect();
        if problems.is_empty() {
            return Ok(());
        }
        let name = self.name.clone();
        Err(Error { name, problems })
    }

    /// Salt runs later steps after a failed one unless something ties them to it; whoever forgot a
    /// `require` learns it here, not from half-installed machines.
    fn warn_of_free_steps(&mut self) {
        let stops = |step: &PlannedStep| step.failhard.unwrap_or(self.options.failhard);
        let mut free = Vec::new();
        for (index, step) in self.steps.iter().enumerate().skip(1) {
            let is_alone = step.needs.is_empty() && step.listens.is_empty() && !step.is_finally;
            if is_alone && !self.steps[..index].iter().all(stops) {
                free.push(step.chunk.id.as_str());
            }
        }
        if !free.is_empty() {
            let ids = free.join(", ");
            self.warnings.push(format!(
                "these steps have no requisite and run even if a step before them failed: {ids} \
                 (failhard: True on a step, or for the run, stops there)"
            ));
        }
    }
}

/// Says that a step would do on the master what its configuration does not allow.
fn not_allowed(step: &PlannedStep) -> Option<Problem> {
    let LowChunk { state, fun, .. } = &step.chunk;
    let what = if OnMaster::acts(&step.chunk) {
        format!("'{state}.{fun}' acts on the master's own machine")
    } else if step.conditions.as_ref()?.run_commands() {
        "its conditions run commands on the master".to_owned()
    } else {
        return None;
    };
    let how = "which the option template_commands must allow (template_commands: True)";
    Some(Problem::of(&step.chunk, format!("{what}, {how}")))
}

/// Gives the SLS of a file: `orch/kubic/init.sls` is `orch.kubic`.
fn sls_of(path: &str) -> String {
    let path = path.rsplit("://").next().unwrap_or(path);
    let stem = path.strip_suffix(".sls").unwrap_or(path);
    stem.strip_suffix("/init").unwrap_or(stem).replace('/', ".")
}

/// Adds a step behind all others for each that listens: it reacts when what it listens to has
/// changed, once everything else is done.
fn add_listeners(steps: &mut Vec<PlannedStep>, edges: &[requisites::Edge]) {
    let mut listeners = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let edges = edges.iter();
        let heard = edges.filter(|edge| edge.kind == RequisiteKind::Listen && edge.from == index);
        let mut listens: Vec<usize> = heard.map(|edge| edge.to).collect();
        listens.dedup();
        if listens.is_empty() {
            continue;
        }
        let mut chunk = step.chunk.clone();
        chunk.id = format!("listener_{}", chunk.id);
        chunk.fun = "mod_watch".into();
        listeners.push(PlannedStep {
            chunk,
            work: Work::Test(crate::steps::test::Test::fired()),
            needs: Vec::new(),
            listens,
            retry: None,
            conditions: None,
            ..step.clone()
        });
    }
    steps.extend(listeners);
}

fn plan_step(
    chunk: LowChunk,
    needs: Vec<Need>,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<String>,
) -> Option<PlannedStep> {
    let mut arguments = Arguments::of(&chunk);
    let work = Work::parse(&chunk, &mut arguments);
    let retry = retry(&mut arguments);
    let is_parallel = arguments.flag("parallel").unwrap_or(false);
    let failhard = arguments.flag("failhard");
    let finally = arguments.value("finally").and_then(Value::as_bool);
    let hides_output = arguments.flag("hide_output").unwrap_or(false);
    arguments.text("lock");
    let conditions = Conditions::parse(&mut arguments);
    let timeout_ms = arguments.seconds("step_timeout");
    let has_mod_watch = work.as_ref().is_some_and(Work::has_mod_watch);
    let is_listening = needs.iter().any(|need| need.kind == RequisiteKind::Listen);
    if !has_mod_watch && is_listening {
        let (state, fun) = (&chunk.state, &chunk.fun);
        arguments.refuse(format!(
            "'listen' calls '{state}.mod_watch', which does not exist ('{state}.{fun}' cannot \
             react to changes); write a step with 'onchanges'"
        ));
    }
    let needs = needs
        .into_iter()
        .filter(|need| need.kind.is_awaited())
        .map(|need| without_mod_watch(need, !has_mod_watch))
        .collect();
    problems.append(&mut arguments.problems);
    warnings.append(&mut arguments.warnings);
    Some(PlannedStep {
        needs,
        is_parallel,
        failhard,
        retry,
        conditions,
        is_finally: finally.unwrap_or(false),
        owner: None,
        hides_output: hides_output || matches!(work, Some(Work::Secret(_))),
        work: work?,
        timeout_ms,
        listens: Vec::new(),
        chunk,
    })
}

/// Appends the steps of `finally` and `compensate` blocks.
fn plan_blocks(
    steps: &mut Vec<PlannedStep>,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<String>,
) {
    for step in 0..steps.len() {
        let owner = steps[step].chunk.clone();
        let mut arguments = Arguments::of(&owner);
        let chunks = blocks::chunks(&owner, &mut arguments);
        problems.append(&mut arguments.problems);
        for (is_compensation, chunk) in chunks {
            if let Some(planned) = plan_step(chunk, Vec::new(), problems, warnings) {
                steps.push(PlannedStep {
                    is_finally: true,
                    is_parallel: false,
                    owner: Some(Owner {
                        step,
                        is_compensation,
                    }),
                    ..planned
                });
            }
        }
    }
}

/// Where there is no `mod_watch`, a watch is a require (as in Salt; none of `salt.*` has one).
fn without_mod_watch(need: Need, is_without: bool) -> Need {
    let kind = match need.kind {
        RequisiteKind::Watch if is_without => RequisiteKind::Require,
        RequisiteKind::WatchAny if is_without => RequisiteKind::RequireAny,
        other => other,
    };
    Need { kind, ..need }
}

fn retry(arguments: &mut Arguments<'_>) -> Option<Retry> {
    let written = match arguments.value("retry")? {
        Value::Bool(false) => return None,
        Value::Bool(true) => Map::new(),
        other => match crate::arguments::joined(other) {
            Some(map) => map,
            None => {
                arguments.warn(
                    "State is set to retry, but retry: True or a valid dict for retry \
                     configuration was not found. Using retry defaults",
                );
                Map::new()
            }
        },
    };
    let mut retry = Retry::default();
    for (key, value) in written.iter() {
        let is_valid = match key.to_text().as_str() {
            "attempts" => value
                .as_u64()
                .map(|n| retry.attempts = n.clamp(1, ATTEMPTS_MAX) as u32)
                .is_some(),
            "interval" => value
                .as_u64()
                .map(|seconds| retry.interval_ms = seconds.saturating_mul(1000))
                .is_some(),
            "until" => value.as_bool().map(|until| retry.until = until).is_some(),
            "backoff" => value
                .as_f64()
                .filter(|factor| (1.0..=100.0).contains(factor))
                .map(|factor| retry.backoff_thousandths = (factor * 1000.0).round() as u64)
                .is_some(),
            "interval_max" => value
                .as_u64()
                .map(|seconds| retry.interval_max_ms = Some(seconds.saturating_mul(1000)))
                .is_some(),
            // No chance here: what a seed replays must do the same again.
            "splay" => value.as_u64() == Some(0),
            _ => false,
        };
        if !is_valid {
            let (key, value) = (key.to_text(), value.repr());
            arguments.warn(format!(
                "retry: '{key}: {value}' is not supported. Ignored."
            ));
        }
    }
    Some(retry)
}
