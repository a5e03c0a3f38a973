//! The simulator: the master's own decisions in a world that one seed makes up.
//!
//! On one thread: [`Core`](master::ledger::Core) over the store in memory, its effects performed
//! against a clock, a network, machines and a disk that do not exist. Left out are sockets,
//! encryption and rendering on minions. What is decided, recorded, read back and taken up again
//! after a crash is the code that ships. `docs/design/simulation.md` tells what it proves and what
//! it cannot.

pub mod fault;
pub mod minion;
pub mod mutation;
pub mod oracle;
pub mod plan;
pub mod world;

mod doomed_log;
mod functions;
mod machine;
mod master_process;
mod network;
mod operator;
mod performing;
mod power;
mod requests;
mod retried;

#[cfg(test)]
mod tests;

pub use fault::Faults;
pub use mutation::Mutation;
pub use oracle::Verdict;
pub use plan::Orchestration;

/// What to simulate.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// How many machines; `None` lets the seed choose among 2, 3, 6 and 20.
    pub nodes: Option<usize>,
    /// Which orchestration is run.
    pub orchestration: Orchestration,
    /// What goes wrong.
    pub faults: Faults,
    /// Whether what was thought of later goes wrong too: start events that are lost for good,
    /// minions that say again that they started when their master is back, people who say no.
    pub has_later_faults: bool,
    /// What is wrong with the master on purpose.
    pub mutation: Option<Mutation>,
    /// Whether to keep a line for each thing that happens.
    pub is_traced: bool,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            nodes: None,
            orchestration: Orchestration::Kubic,
            faults: Faults::Drawn(1..=5),
            has_later_faults: false,
            mutation: None,
            is_traced: false,
        }
    }
}

/// Simulates one seed and judges it.
pub fn run(seed: u64, scenario: &Scenario) -> Verdict {
    let mut world = world::World::new(seed, scenario);
    world.play();
    oracle::judge(world)
}
