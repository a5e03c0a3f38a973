//! Judges what was looked up for a stranger against what is known. All configured clauses must
//! hold.

use model::{MinionId, Timestamp};

use super::published::is_published;
use super::{Failed, View};

/// Longest part of a claimed value that is repeated to an operator.
const SHOWN_CHARS_MAX: usize = 64;

/// Stands for the lists of `autosign_grains_dir` where there are none: nobody is listed. What was
/// "sent" is then the directory.
pub const NO_LISTS: &str = "autosign_grains_dir";

/// The options that enrolment depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// `enrolment` is `policy`.
    pub is_policy: bool,
    /// Option `enrolment_lab`: published values count.
    pub is_lab: bool,
    /// Option `enrolment_window`: nobody enrols outside an open window.
    pub needs_window: bool,
    /// Option `enrolment_rebuild`: a matching enrolment replaces the key of a node that is gone.
    pub allows_rebuild: bool,
    /// Option `enrolment_rate`: minions a minute; 0: any number.
    pub per_minute: u64,
    /// Option `enrolment_total`: accepted keys up to which minions enrol; 0: any number.
    pub total: u64,
    /// Option `enrolment_pending_max`: keys that may wait; 0: any number.
    pub pending_max: u64,
}

/// What was looked up for a stranger. `None` stands for a clause that is not configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// What each list of the operator says.
    pub listed: Vec<Listed>,
    /// Whether its address is in one of `enrolment_networks`.
    pub is_in_network: Option<bool>,
    /// The row of the inventory that it belongs to, or why it has none.
    pub row: Option<Result<String, String>>,
}

/// What one list of the operator says about a stranger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The list: a grain's name, or `autosign_file`.
    pub list: String,
    /// What the minion sent for it.
    pub sent: Option<String>,
    /// Whether that is on the list.
    pub is_listed: bool,
    /// Whether many minions may share the value (`enrolment_shared_grains`).
    pub is_shared: bool,
}

/// How a stranger was judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judgement {
    /// The clauses that did not hold; empty: it enrols.
    pub failed: Vec<Failed>,
    /// The values that it uses up.
    pub claims: Vec<String>,
    /// The window that it comes in through.
    pub window: Option<u64>,
}

/// Who is judged.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The id it claims.
    pub id: &'a MinionId,
    /// The address it comes from.
    pub from: &'a str,
    /// Whether it would take the place of an accepted key of the same id.
    pub is_rebuild: bool,
    /// How many keys are accepted.
    pub accepted: usize,
}

/// Judges a stranger.
pub fn judge(
    view: &View,
    terms: &Terms,
    candidate: Candidate<'_>,
    evidence: &Evidence,
    now: Timestamp,
) -> Judgement {
    let open = view.open_for(candidate.id, now);
    let window = match open.iter().find(|opened| opened.window.is_for_rebuilds) {
        Some(opened) if candidate.is_rebuild => Some(opened),
        _ => open.first(),
    };
    let mut judgement = Judgement {
        window: window.map(|opened| opened.window.window),
        ..Judgement::default()
    };
    let is_narrowed = window.is_some() || evidence.is_in_network.is_some();
    let is_narrowed = is_narrowed || evidence.row.is_some() || terms.is_lab;
    for listed in &evidence.listed {
        judgement.ask(on_list(view, candidate, listed, is_narrowed));
    }
    if evidence.is_in_network == Some(false) {
        let why = format!("{} is in none of enrolment_networks", candidate.from);
        judgement.failed.push(Failed::new("network", why));
    }
    match &evidence.row {
        None => {}
        Some(Err(why)) => judgement.failed.push(Failed::new("inventory", why)),
        Some(Ok(row)) => judgement.ask(unused(view, candidate, "row", row).map(Some)),
    }
    if terms.needs_window && window.is_none() {
        let why = format!("no window is open for {} (brine enrol open)", candidate.id);
        judgement.failed.push(Failed::new("window", why));
    }
    if !is_narrowed && evidence.listed.is_empty() && !terms.needs_window {
        let why = "no clause is configured that accepts by itself; accept it by hand (salt-key -a)";
        judgement.failed.push(Failed::new("operator", why));
    }
    judgement
        .failed
        .extend(over_limits(view, terms, candidate, now));
    judgement
}

impl Judgement {
    fn ask(&mut self, answer: Result<Option<String>, Failed>) {
        match answer {
            Ok(claim) => self.claims.extend(claim),
            Err(failed) => self.failed.push(failed),
        }
    }
}

/// Says which value of a list is used up by this minion, or why the list does not hold.
fn on_list(
    view: &View,
    candidate: Candidate<'_>,
    listed: &Listed,
    is_narrowed: bool,
) -> Result<Option<String>, Failed> {
    let list = listed.list.as_str();
    let Some(sent) = &listed.sent else {
        let why = "the minion sent no such grain (its option autosign_grains)";
        return Err(Failed::new(list, why));
    };
    if list == NO_LISTS {
        let why = format!("{sent} has no file named after a grain, such as {sent}/uuid");
        return Err(Failed::new(list, why));
    }
    let shown: String = sent.chars().take(SHOWN_CHARS_MAX).collect();
    if !listed.is_listed {
        return Err(Failed::new(list, format!("'{shown}' is not listed")));
    }
    if is_published(sent) && !is_narrowed {
        let why = format!(
            "'{shown}' stands in public documentation, anybody can send it: open a window (brine \
             enrol open), or set enrolment_networks, enrolment_inventory or enrolment_lab"
        );
        return Err(Failed::new(list, why));
    }
    if listed.is_shared {
        return Ok(None);
    }
    unused(view, candidate, list, sent).map(Some)
}

/// Gives the claim on a value that nobody used; a rebuilt node may use its own again.
fn unused(
    view: &View,
    candidate: Candidate<'_>,
    list: &str,
    value: &str,
) -> Result<String, Failed> {
    let claim = format!("{list}={}", value.to_lowercase());
    let failed = |by: &MinionId| {
        let why = format!("'{value}' was used before by {by} (brine enrol release {value})");
        Failed::new(if list == "row" { "inventory" } else { list }, why)
    };
    match view.claim(&claim) {
        None => Ok(claim),
        Some(by) if candidate.is_rebuild && by.id == *candidate.id => Ok(claim),
        Some(by) => Err(failed(&by.id)),
    }
}

fn over_limits(
    view: &View,
    terms: &Terms,
    candidate: Candidate<'_>,
    now: Timestamp,
) -> Vec<Failed> {
    let is_over = |count: usize, limit: u64| limit > 0 && count as u64 >= limit;
    let mut failed = Vec::new();
    if is_over(view.enrolled_last_minute(now), terms.per_minute) {
        let why = format!(
            "{} enrolled in the last minute (enrolment_rate); it is tried again",
            terms.per_minute
        );
        failed.push(Failed::new("rate", why));
    }
    if !candidate.is_rebuild && is_over(candidate.accepted, terms.total) {
        let why = format!("{} keys are accepted (enrolment_total)", terms.total);
        failed.push(Failed::new("total", why));
    }
    failed
}
