//! The orchestrations that are simulated: `orch.kubic` of the formulas, and the errands beside this
//! file, which have what that one lacks. Compiled as the master compiles them, with the pillar that
//! the formula's own pillar tree gives for a table of nodes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use model::{Grains, Map, MinionId, Value};
use orch::{Options, Plan};
use states::context::{Context, NoFunctions};
use states::file_client::MemoryFiles;

/// The name under which results are shown.
pub const MASTER_ID: &str = "sim_master";

/// What is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Orchestration {
    /// `orch.kubic`: install, reboot, control plane, join.
    Kubic,
    /// Approval, parallel steps, a nested run, retries, rolling, blocks, `salt.reboot`.
    Errands,
    /// The same with a wait that nothing ends: it fails and is taken back.
    ErrandsThatFail,
}

impl Orchestration {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Kubic, Self::Errands, Self::ErrandsThatFail];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kubic => "kubic",
            Self::Errands => "errands",
            Self::ErrandsThatFail => "errands-that-fail",
        }
    }

    fn sls(self) -> &'static str {
        match self {
            Self::Kubic => "orch.kubic",
            Self::Errands | Self::ErrandsThatFail => "orch.errands",
        }
    }

    /// Says whether it has an approval, and may be called off by chance.
    pub(crate) fn has_operator(self) -> bool {
        self != Self::Kubic
    }
}

impl FromStr for Orchestration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|one| one.name() == text);
        let names: Vec<&str> = Self::ALL.into_iter().map(Self::name).collect();
        found.ok_or_else(|| format!("no orchestration {text}; known: {}", names.join(", ")))
    }
}

/// The SLS beside this file.
const ERRANDS: [(&str, &str); 2] = [
    ("orch/errands.sls", include_str!("orch/errands.sls")),
    (
        "orch/errands_inner.sls",
        include_str!("orch/errands_inner.sls"),
    ),
];

/// The SLS of the run inside the errands.
const INNER: &str = "orch.errands_inner";

/// Gives the ids of so many machines, the control plane first.
pub fn ids(nodes: usize) -> Vec<MinionId> {
    let id = |number: usize| format!("node-{number}").parse().expect("a minion id");
    (1..=nodes).map(id).collect()
}

/// What a world runs: the plan, and the one inside it.
#[derive(Debug)]
pub struct Plans {
    /// The run that the operator starts.
    pub outer: Plan,
    /// The run that a step of it starts.
    pub inner: Option<Plan>,
}

/// Gives the plans for so many machines; each is compiled once.
///
/// # Panics
/// The formula does not compile.
pub fn plans(orchestration: Orchestration, nodes: usize) -> Arc<Plans> {
    type Known = BTreeMap<(Orchestration, usize), Arc<Plans>>;
    static PLANS: OnceLock<Mutex<Known>> = OnceLock::new();
    let plans = PLANS.get_or_init(Mutex::default);
    let mut plans = plans.lock().unwrap_or_else(PoisonError::into_inner);
    let known = plans.entry((orchestration, nodes));
    let known = known.or_insert_with(|| {
        let has_inner = orchestration != Orchestration::Kubic;
        Arc::new(Plans {
            outer: compiled(orchestration, orchestration.sls(), nodes),
            inner: has_inner.then(|| compiled(orchestration, INNER, nodes)),
        })
    });
    Arc::clone(known)
}

fn compiled(orchestration: Orchestration, sls: &str, nodes: usize) -> Plan {
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
        opts: Arc::default(),
    };
    let suppliers = pillar::Suppliers::new(Arc::new(pillar_files), Arc::new(NoFunctions));
    let pillar = pillar::compile(&request, &suppliers);
    assert!(pillar.errors.is_empty(), "{:?}", pillar.errors);
    let mut data = pillar.data;
    if orchestration == Orchestration::ErrandsThatFail {
        let kubic = data.get("kubic").and_then(Value::as_map).cloned();
        let mut kubic = kubic.unwrap_or_default();
        kubic.insert("fails", true);
        data.insert("kubic", kubic);
    }
    let context = Context {
        grains: Value::Map(grains),
        pillar: Value::Map(data),
        ..Context::empty()
    };
    let files = files(&formula.join("salt"));
    let files = ERRANDS
        .into_iter()
        .fold(files, |files, (path, text)| files.with(path, text));
    let compiled = states::compiler::compile(&[sls.to_owned()], &files, &context);
    let compiled = compiled.expect("the formula compiles");
    let options = Options {
        master_id: MASTER_ID.into(),
        ..Options::default()
    };
    Plan::compile(sls, compiled.low, Vec::new(), options).expect("the formula can be planned")
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
