//! `data.*`, which is refused: Salt keeps it in a file of the machine that renders.

use super::{Answer, Arguments, Family, MinionFunctions, failed};

pub(super) const FAMILY: Family = Family {
    module: "data",
    functions: &[
        "cas", "clear", "dump", "get", "items", "keys", "load", "pop", "update", "values",
    ],
    call,
};

fn call(_of: &MinionFunctions, fun: &str, _arguments: &Arguments) -> Option<Answer> {
    let is_known = FAMILY.functions.contains(&fun);
    is_known.then(|| Err(failed(refusal(fun))))
}

fn refusal(fun: &str) -> String {
    format!(
        "data.{fun} uses a store of the machine that renders, and a render on the master depends \
         on nothing it leaves behind; keep the value in the pillar, in sdb, or in the mine"
    )
}
