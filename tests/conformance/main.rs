//! Conformance: real, unmodified minions of several releases at once, and Salt's own command lines,
//! judge the master.
//!
//! One master and three minions serve all checks, because a minion takes many seconds to come up,
//! then the next three; each check is named on standard error as it begins. A release that cannot
//! run on the machine is a skip, told by name with its reason. `BRINE_RELEASES=all` takes every
//! release, and writes the table of the outcome into docs/compatibility-minions.md if `BRINE_RENEW`
//! is set.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a test works with files and tells what it skips"
)]

mod keys;
mod scenarios;
mod scene;
mod signed;
mod table;
mod whole;

use scene::Scene;
use table::{Table, Verdicts};

/// Set, it lets a run of all releases write its table into the document.
const RENEW_VARIABLE: &str = "BRINE_RENEW";

/// Releases that run at once, with a master of their own: a python takes most of a processor while
/// it comes up.
const GROUP: usize = 3;

/// A scenario with the name it has in the table.
type Scenario = (&'static str, fn(&mut Scene) -> Verdicts);

/// What is tried with each release, in this order.
const SCENARIOS: &[Scenario] = &[
    ("pending, then accepted", keys::accepted),
    ("test.ping", scenarios::ping),
    ("arguments, keywords, failures", scenarios::arguments),
    ("grains as a target", scenarios::grains),
    ("pillar", scenarios::pillar),
    ("saltutil.sync_all", scenarios::sync),
    ("state.apply", scenarios::state),
    ("mine", scenarios::mine),
    ("custom events", scenarios::event),
    ("beacons", scenarios::beacon),
    ("a return of 20 MB", scenarios::large_return),
    ("a binary file of 30 MB", scenarios::large_file),
    ("the master restarts", scenarios::restart),
    ("the key rotates during a job", keys::rotation_during_a_job),
    ("deleted, then accepted again", keys::deleted),
    ("rejected", keys::rejected),
    ("denied", keys::denied),
    ("re-keyed", keys::rekeyed),
];

#[test]
fn real_minions_of_every_protocol_take_the_master_for_salts() {
    let mut table = Table::default();
    for group in scene::releases().chunks(GROUP) {
        let Some(mut scene) = Scene::set(group, &mut table) else {
            continue;
        };
        for (name, scenario) in SCENARIOS {
            let verdicts = step(name, || scenario(&mut scene));
            table.add(name, verdicts);
            if *name == "custom events" {
                step("what concerns no single minion", || whole::judge(&scene));
            }
        }
        // Those minions end before others begin.
        drop(scene);
        table.add(signed::NAME, step(signed::NAME, || signed::judge(group)));
    }
    eprintln!("\n{}", table.render());
    if scene::is_whole() && std::env::var_os(RENEW_VARIABLE).is_some() {
        table.keep();
    }
    let failures = table.failures();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn step<T>(name: &str, check: impl FnOnce() -> T) -> T {
    eprintln!("  {name}");
    let start = std::time::Instant::now();
    let outcome = check();
    eprintln!("    after {} s", start.elapsed().as_secs());
    outcome
}
