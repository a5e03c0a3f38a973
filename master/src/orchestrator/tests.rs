//! Runs beside the ledger: causes that come together.

use model::api::{MinionPhase, RunPhase};
use model::{Cursor, Jid, Map, Timestamp, Value};
use orch::{Options, Plan};
use states::low_chunk::LowChunk;

use crate::jobs::MinionEnded;
use crate::ledger::bench::{Bench, minion};
use crate::ledger::decide::Decision;
use crate::ledger::{Effect, Input, Record, TimerKey};

fn start(bench: &mut Bench) -> (Jid, Jid) {
    let tgt = Value::List(vec!["a".into(), "b".into()]);
    let chunk = LowChunk {
        state: "salt".into(),
        fun: "function".into(),
        id: "ping".into(),
        name: "test.ping".into(),
        sls: "orch".into(),
        saltenv: "base".into(),
        args: Map::from([("tgt", tgt), ("tgt_type", "list".into())]),
        ..LowChunk::default()
    };
    let plan = Plan::compile("orch", vec![chunk], Vec::new(), Options::default()).unwrap();
    bench.put(Input::StartRun {
        plan: Box::new(plan),
        user: "root".into(),
        pillar: Map::new(),
        parent: None,
    });
    let run = bench.views.runs.unfinished().remove(0);
    let jid = bench.views.runs.get(&run).unwrap().jids().next().cloned();
    (run, jid.unwrap())
}

#[test]
fn whom_a_run_waits_for_is_asked_when_the_master_comes_back() {
    let mut bench = Bench::with(&["a", "b"]);
    let wait = LowChunk {
        state: "salt".into(),
        fun: "wait_for_event".into(),
        id: "back".into(),
        name: "salt/minion/*/start".into(),
        sls: "orch".into(),
        saltenv: "base".into(),
        args: Map::from([("id_list", Value::List(vec!["b".into()]))]),
        ..LowChunk::default()
    };
    let plan = Plan::compile("orch", vec![wait], Vec::new(), Options::default()).unwrap();
    bench.put(Input::StartRun {
        plan: Box::new(plan),
        user: "root".into(),
        pillar: Map::new(),
        parent: None,
    });
    bench.effects.clear();
    bench.put(Input::Start {
        version: "0".into(),
        returns: Vec::new(),
        last_alive: bench.now,
    });
    let is_set = |effect: &Effect| {
        matches!(
            effect,
            Effect::HurryTimer {
                key: TimerKey::Boots,
                ..
            }
        )
    };
    assert!(bench.effects.iter().any(is_set));
    // Nobody has said anything yet, so nobody's connection is known.
    bench.put(Input::Timer {
        key: TimerKey::Boots,
        presence: Default::default(),
    });
    let asked = bench.records.iter().rev().find_map(|record| match record {
        Record::JobPublished(job) => Some(&job.minions),
        _ => None,
    });
    assert_eq!(asked, Some(&vec![minion("b")]));
}

#[test]
fn two_minions_that_end_in_one_batch_end_the_step() {
    let mut bench = Bench::with(&["a", "b"]);
    let (run, jid) = start(&mut bench);
    let lost = ["a", "b"].map(|id| {
        Record::MinionEnded(MinionEnded {
            jid: jid.clone(),
            id: minion(id),
            phase: MinionPhase::Lost,
            why: "silent for long".into(),
        })
    });
    bench.follow(Decision::records(lost.into()));
    let phase = bench.views.runs.get(&run).unwrap().phase();
    assert_eq!(phase, RunPhase::Failed);
}

#[test]
fn jids_of_what_conditions_held_back_are_given_out_too() {
    let jid = |text: &str| text.parse::<Jid>().unwrap();
    let at = Timestamp::default();
    let (job, call, check) = (
        jid("20260102030405000001"),
        jid("20260102030405000002"),
        jid("20260102030405000003"),
    );
    let started = orch::RunRecord::WorkStarted {
        step: 0,
        attempt: 1,
        begun: orch::Begun {
            jid: Some(job.clone()),
            calls: vec![orch::CallId {
                name: String::new(),
                jid: call.clone(),
            }],
            cursor: Cursor(1),
            after: None,
            at,
            deadline: None,
            limit: None,
        },
    };
    assert_eq!(super::jids_of(&started), [&job, &call]);
    let checking = orch::RunRecord::Checking {
        step: 0,
        attempt: 1,
        jid: check.clone(),
        held: None,
        at,
    };
    assert_eq!(super::jids_of(&checking), [&check]);
}
