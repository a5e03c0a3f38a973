//! What the options say about enrolment, for decisions and for people.

use super::{Terms, published};
use crate::config::Opts;
use crate::world::World;

/// Says whether the option `enrolment` is `policy`.
pub fn is_policy(opts: &Opts) -> bool {
    opts.enrolment != "legacy"
}

/// Gives the options that decisions depend on.
pub fn terms(opts: &Opts) -> Terms {
    Terms {
        is_policy: is_policy(opts),
        is_lab: opts.enrolment_lab,
        needs_window: opts.enrolment_window,
        allows_rebuild: opts.enrolment_rebuild,
        per_minute: opts.enrolment_rate,
        total: opts.enrolment_total,
        pending_max: opts.enrolment_pending_max,
    }
}

/// Says what is asked of a stranger.
pub fn clauses(opts: &Opts) -> Vec<String> {
    let mut clauses = Vec::new();
    let is_policy = is_policy(opts);
    if let Some(dir) = &opts.autosign_grains_dir {
        let once = if is_policy { " and was never used" } else { "" };
        clauses.push(format!("a grain is listed in {}{once}", dir.display()));
    }
    if let Some(file) = &opts.autosign_file {
        clauses.push(format!("the id is listed in {}", file.display()));
    }
    if !is_policy {
        return clauses;
    }
    if !opts.enrolment_networks.is_empty() {
        let networks = opts.enrolment_networks.join(", ");
        clauses.push(format!("the address is in {networks}"));
    }
    if let Some(path) = &opts.enrolment_inventory {
        clauses.push(format!("a row of the pillar's {path} has its name"));
    }
    if opts.enrolment_window {
        clauses.push("a window is open".to_owned());
    }
    if opts.enrolment_rate > 0 {
        clauses.push(format!("at most {} a minute", opts.enrolment_rate));
    }
    if opts.enrolment_total > 0 {
        clauses.push(format!("at most {} keys in all", opts.enrolment_total));
    }
    clauses
}

/// Says what an operator should know about these options.
pub fn warnings(opts: &Opts, world: &World) -> Vec<String> {
    let mut warnings = Vec::new();
    if opts.open_mode {
        warnings.push("open_mode: True takes any key for any id, also for a live one".to_owned());
    }
    if opts.auto_accept {
        warnings.push(
            "auto_accept: True takes the key of every stranger, no clause of enrolment is asked"
                .to_owned(),
        );
    }
    let has_rules = opts.autosign_file.is_some() || opts.autosign_grains_dir.is_some();
    if !is_policy(opts) && has_rules {
        warnings.push(
            "enrolment: legacy accepts a stranger on any one match, again and again: whoever \
             knows a listed value gets in; `enrolment: policy` asks for all clauses, and uses each \
             value once"
                .to_owned(),
        );
    }
    if let Some(file) = published_in(opts, world) {
        warnings.push(if opts.enrolment_lab {
            format!("{file} lists published UUIDs, and enrolment_lab: True lets them count")
        } else {
            format!(
                "{file} lists UUIDs that stand in public documentation; they accept nobody by \
                 themselves: make a list of your own (uuidgen), or open a window (brine enrol open)"
            )
        });
    }
    warnings
}

/// Names the file of `autosign_grains_dir` that lists a published value.
fn published_in(opts: &Opts, world: &World) -> Option<String> {
    let dir = opts.autosign_grains_dir.as_ref()?;
    let entries = world.disk.list(dir).ok().flatten()?;
    entries.into_iter().find_map(|entry| {
        let path = dir.join(&entry.name);
        let bytes = world.disk.read(&path).ok().flatten()?;
        let text = String::from_utf8_lossy(&bytes);
        text.lines()
            .any(published::is_published)
            .then(|| path.display().to_string())
    })
}
