//! `salt.state` and `salt.function`, judged by Salt: what its states make of answers, and what ours
//! make.
//!
//! `testdata/saltmod.json` is a list of calls of Salt 3006's `salt.states.saltmod` with
//! `saltutil.cmd` giving the answers beside it; an answer of `null` never came. Ids that Salt joins
//! from a set are sorted. Our own lines, which say why a minion did not answer, are left out before
//! comparing.

use std::sync::Arc;

use model::api::MinionPhase;
use model::{Cursor, Jid, JobReturn, Map, MinionId, StateReturn, Timestamp, Value};
use orch::{Context, Fact, Options, Plan, Run, Started};
use serde::Deserialize;
use states::low_chunk::LowChunk;

#[derive(Deserialize)]
struct Case {
    fun: String,
    name: String,
    args: Map,
    answers: Vec<(MinionId, Option<Map>)>,
    result: Option<bool>,
    changes: Map,
    comment: String,
}

/// What our lines say of a minion that does not answer (`ended` below says it is lost).
const OURS: &str = "has the job no more, and its return never came.";

fn jid() -> Jid {
    "20261121100000000001".parse().expect("a jid")
}

fn ours(case: &Case) -> StateReturn {
    let low = LowChunk {
        state: "salt".into(),
        fun: case.fun.clone(),
        id: case.name.clone(),
        name: case.name.clone(),
        args: case.args.clone(),
        ..LowChunk::default()
    };
    let plan =
        Plan::compile("t", vec![low], Vec::new(), Options::default()).expect("it can be planned");
    let mut run = Run::start(Started {
        run: "20261121100000000000".parse().expect("a jid"),
        plan: Arc::new(plan),
        cursor: Cursor(0),
        user: String::new(),
        pillar: Map::new(),
        at: Timestamp(0),
        parent: None,
    });
    let minions = case.answers.iter().map(|(id, _)| id.clone()).collect();
    let published = Fact::Published {
        jid: jid(),
        minions,
        missing: Vec::new(),
    };
    let (answered, silent): (Vec<_>, Vec<_>) = case
        .answers
        .iter()
        .partition(|(_, answer)| answer.is_some());
    let facts = answered
        .into_iter()
        .chain(silent)
        .map(|(id, answer)| fact(id, answer.as_ref()));
    for fact in [Fact::Begin, published].into_iter().chain(facts) {
        let mut context = Context {
            now: Timestamp(0),
            cursor: Cursor(0),
            next_jid: &mut jid,
        };
        for record in run.on(&fact, &mut context).records {
            run.apply(&record).expect("it can follow");
        }
    }
    let ret = run
        .steps()
        .next()
        .and_then(|step| step.ret.as_deref().cloned());
    ret.expect("the step ended")
}

fn fact(id: &MinionId, answer: Option<&Map>) -> Fact {
    let Some(answer) = answer else {
        let (phase, why) = (MinionPhase::Lost, String::new());
        return Fact::MinionEnded {
            jid: jid(),
            id: id.clone(),
            phase,
            why,
        };
    };
    Fact::Returned(JobReturn {
        id: id.clone(),
        jid: jid(),
        fun: "f".into(),
        ret: answer.get("return").cloned().unwrap_or_default(),
        retcode: answer.get("retcode").cloned().unwrap_or_default(),
        success: None,
        out: None,
        load: Map::new(),
    })
}

#[test]
fn answers_mean_what_they_mean_to_salt() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../testdata/saltmod.json")).expect("the cases are JSON");
    assert!(cases.len() >= 200);
    for (number, case) in cases.iter().enumerate() {
        let ours = ours(case);
        let lines = ours.comment.lines().filter(|line| !line.ends_with(OURS));
        let comment = lines.collect::<Vec<_>>().join("\n");
        let told = serde_json::to_string(&case.answers).expect("JSON");
        assert_eq!(comment, case.comment, "case {number}: {} {told}", case.fun);
        assert_eq!(
            ours.result, case.result,
            "case {number}: {} {told}",
            case.fun
        );
        assert_eq!(
            Value::from(ours.changes),
            Value::from(case.changes.clone()),
            "case {number}"
        );
    }
}
