//! Requisites, judged by Salt: random declarations of `test.*` states, and what Salt 3006 made of
//! them.
//!
//! `testdata/requisites.json` is a list of `{low, results}`: `state.show_low_sls` and `state.sls`
//! of one SLS each, run by `salt-call --local`; results in the order they ran. Ours must run the
//! same steps in the same order, pass over the same ones, and say the same.

use std::sync::Arc;

use model::{Cursor, Jid, Map, Timestamp, Value};
use orch::{Context, Fact, Options, Plan, Run, RunRecord, Started};
use serde::Deserialize;
use states::low_chunk::LowChunk;

#[derive(Deserialize)]
struct Case {
    low: Vec<Map>,
    results: Vec<Expected>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Expected {
    id: String,
    result: Option<bool>,
    comment: String,
    /// `__state_ran__`, true if absent.
    ran: bool,
    /// Whether there are changes.
    changes: bool,
}

fn chunk(mut low: Map) -> LowChunk {
    let mut text = |key: &str| {
        low.remove(key)
            .map(|value| value.to_text())
            .unwrap_or_default()
    };
    LowChunk {
        state: text("state"),
        fun: text("fun"),
        id: text("__id__"),
        name: text("name"),
        sls: text("__sls__"),
        saltenv: text("__env__"),
        order: text("order").parse().expect("an order"),
        args: low,
        ..LowChunk::default()
    }
}

fn ours(low: Vec<Map>) -> Vec<Expected> {
    let low = low.into_iter().map(chunk).collect();
    let plan =
        Plan::compile("case", low, Vec::new(), Options::default()).expect("it can be planned");
    let run: Jid = "20261121100000000000".parse().expect("a jid");
    let mut run = Run::start(Started {
        run,
        plan: Arc::new(plan),
        cursor: Cursor(0),
        user: String::new(),
        pillar: Map::new(),
        at: Timestamp(0),
        parent: None,
    });
    let mut context = Context {
        now: Timestamp(0),
        cursor: Cursor(0),
        next_jid: &mut || unreachable!("test.* publishes nothing"),
    };
    let output = run.on(&Fact::Begin, &mut context);
    for record in &output.records {
        run.apply(record).expect("it can follow");
    }
    let last = output.records.last();
    assert!(
        matches!(last, Some(RunRecord::Finished { .. })),
        "it ends at once"
    );
    let mut steps: Vec<_> = run.steps().filter_map(|step| step.ret.as_deref()).collect();
    steps.sort_by_key(|ret| ret.run_num);
    let steps = steps.into_iter().map(|ret| Expected {
        id: ret.id.clone(),
        result: ret.result,
        comment: sorted(&ret.comment),
        ran: ret.more.get("__state_ran__") != Some(&Value::Bool(false)),
        changes: !ret.changes.is_empty(),
    });
    steps.collect()
}

/// Salt names failed requisites in the order of a set; the fixture has them sorted.
fn sorted(comment: &str) -> String {
    const FAILED: &str = "One or more requisite failed: ";
    match comment.strip_prefix(FAILED) {
        Some(names) => {
            let mut names: Vec<&str> = names.split(", ").collect();
            names.sort_unstable();
            format!("{FAILED}{}", names.join(", "))
        }
        None => comment.to_owned(),
    }
}

#[test]
fn steps_run_as_salt_runs_them() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../testdata/requisites.json"))
        .expect("the cases are JSON");
    assert!(cases.len() >= 200);
    for (number, case) in cases.into_iter().enumerate() {
        let low = serde_json::to_string_pretty(&case.low).expect("JSON");
        assert_eq!(ours(case.low), case.results, "case {number}: {low}");
    }
}
