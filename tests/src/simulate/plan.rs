//! The orchestration that is simulated: `orch.kubic` of the formulas, compiled as the master
//! compiles it, with the pillar that the formula's own pillar tree gives for a table of nodes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use model::{Grains, Map, MinionId, Value};
use orch::{Options, Plan};
use states::context::{Context, NoFunctions};
use states::file_client::MemoryFiles;

/// The name under which results are shown.
pub const MASTER_ID: &str = "sim_master";

/// The SLS that is run.
const SLS: &str = "orch.kubic";

/// Gives the ids of so many machines, the control plane first.
pub fn ids(nodes: usize) -> Vec<MinionId> {
    let id = |number: usize| format!("node-{number}").parse().expect("a minion id");
    (1..=nodes).map(id).collect()
}

/// Gives the plan for so many machines; each is compiled once.
///
/// # Panics
/// The formula does not compile.
pub fn plan(nodes: usize) -> Arc<Plan> {
    static PLANS: OnceLock<Mutex<BTreeMap<usize, Arc<Plan>>>> = OnceLock::new();
    let plans = PLANS.get_or_init(Mutex::default);
    let mut plans = plans.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(
        plans
            .entry(nodes)
            .or_insert_with(|| Arc::new(compiled(nodes))),
    )
}

fn compiled(nodes: usize) -> Plan {
    let formula = Path::new(env!("CARGO_MANIFEST_DIR")).join("../formulas/kubic");
    let pillar_files = files(&formula.join("pillar")).with("kubic/nodes.yml", &table(nodes));
    let id: MinionId = MASTER_ID.parse().expect("a minion id");
    // The formula asks by this grain whether it may use what only Brine has.
    let grains = Map::from([("id", MASTER_ID), ("brine", "0.1.0")]);
    let request = pillar::Request {
        id,
        grains: Grains(grains.clone()),
        saltenv: None,
        pillarenv: None,
        overrides: Map::new(),
        opts: Map::new(),
    };
    let suppliers = pillar::Suppliers::new(Arc::new(pillar_files), Arc::new(NoFunctions));
    let pillar = pillar::compile(&request, &suppliers);
    assert!(pillar.errors.is_empty(), "{:?}", pillar.errors);
    let context = Context {
        grains: Value::Map(grains),
        pillar: Value::Map(pillar.data),
        ..Context::empty()
    };
    let files = files(&formula.join("salt"));
    let compiled = states::compiler::compile(&[SLS.to_owned()], &files, &context);
    let compiled = compiled.expect("the formula compiles");
    let options = Options {
        master_id: MASTER_ID.into(),
        ..Options::default()
    };
    Plan::compile(SLS, compiled.low, Vec::new(), options).expect("the formula can be planned")
}

fn table(nodes: usize) -> String {
    let role = |number: usize| {
        if number == 0 {
            "control_plane"
        } else {
            "worker"
        }
    };
    let rows = ids(nodes).into_iter().enumerate();
    rows.map(|(number, id)| format!("'{id}':\n  role: {}\n", role(number)))
        .collect()
}

/// Reads the SLS and YAML files of a folder.
fn files(root: &Path) -> MemoryFiles {
    let mut all = MemoryFiles::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(root.join(&folder)).expect("the formula is here");
        for entry in entries {
            let entry = entry.expect("a folder's entry");
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
            } else if let Ok(text) = std::fs::read_to_string(entry.path()) {
                all = all.with(&path.to_string_lossy(), &text);
            }
        }
    }
    all
}
