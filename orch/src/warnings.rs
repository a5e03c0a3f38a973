//! What is odd about waits: those that only a miracle ends.
//!
//! Odd, not wrong: a person may start a machine by hand, and anybody may invent tags. So these are
//! warnings of a plan, told before it runs and beside the run.

use model::MinionId;

use crate::plan::{Plan, PlannedStep};

/// What comes after `salt/` in the tags that Salt or Brine send. Anything else there is most
/// likely a typing error.
const SALT_TAGS: [&str; 19] = [
    "auth",
    "batch",
    "beacon",
    "cloud",
    "engine",
    "engines",
    "event",
    "fileserver",
    "job",
    "key",
    "minion",
    "netapi",
    "presence",
    "run",
    "secret",
    "state_result",
    "stats",
    "syndic",
    "wheel",
];

impl Plan {
    /// Warns of waits that nothing in the plan causes, and of tags that nobody sends.
    pub(crate) fn warn_of_waits(&mut self) {
        let mut warnings = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            let Some(wait) = step.work.as_wait() else {
                continue;
            };
            let id = &step.chunk.id;
            let glob = wait.glob.as_str();
            if wait.waits_for_starts() && !self.steps[..index].iter().any(may_restart) {
                warnings.push(format!(
                    "'{id}' waits for minions that start, and no step before it asks a minion for \
                     anything: only a person can cause what it waits for"
                ));
            }
            if is_unknown_tag(glob) {
                warnings.push(format!(
                    "'{id}' waits for '{glob}', and nothing in Salt sends tags that begin like \
                     this: a typing error would make it wait in vain"
                ));
            }
        }
        self.warnings.extend(warnings);
    }

    /// Warns of ids that steps name and nobody has: a wait for one can only time out, a job for one
    /// fails.
    pub fn warnings_of_ids(&self, is_accepted: impl Fn(&MinionId) -> bool) -> Vec<String> {
        let mut warnings = Vec::new();
        for step in &self.steps {
            let is_wait = step.work.as_wait().is_some();
            if is_wait
                && !step
                    .work
                    .as_wait()
                    .is_some_and(|wait| wait.waits_for_starts())
            {
                continue;
            }
            let missing: Vec<String> = step
                .work
                .named_ids()
                .into_iter()
                .filter(|id| !id.parse().is_ok_and(|id: MinionId| is_accepted(&id)))
                .collect();
            if missing.is_empty() {
                continue;
            }
            let (id, missing) = (&step.chunk.id, missing.join(", "));
            warnings.push(if is_wait {
                format!(
                    "'{id}' waits for {missing}: no accepted minion has this id now, so the wait \
                     can only time out unless it is accepted meanwhile (salt-key -a ID)"
                )
            } else {
                format!("'{id}' targets {missing}: no accepted minion has this id (salt-key -L)")
            });
        }
        warnings
    }
}

/// Says whether a step may make minions start again: it asks minions, or calls what may.
fn may_restart(step: &PlannedStep) -> bool {
    let work = &step.work;
    work.target().is_some() || !matches!(step.chunk.fun.as_str(), "wait_for_event" | "approve")
}

/// Says whether a tag lies below `salt/` where nobody sends anything. Globs that leave the second
/// part open are fine.
fn is_unknown_tag(glob: &str) -> bool {
    let Some(rest) = glob.strip_prefix("salt/") else {
        return false;
    };
    let second = rest.split('/').next().unwrap_or_default();
    let is_open = second.contains(['*', '?', '[']);
    !is_open && !SALT_TAGS.contains(&second)
}
