//! A damaged log is reported, not believed: records that cannot follow are errors, and change
//! nothing.

use std::sync::Arc;

use model::api::{MinionPhase, RunPhase};
use model::{Cursor, Jid, Map, MinionId, StateReturn, Timestamp};
use orch::{Begun, Options, Plan, Run, RunRecord, Started};
use states::low_chunk::LowChunk;

const NOW: Timestamp = Timestamp(7);

fn jid(number: u32) -> Jid {
    format!("20261121100000{number:06}").parse().expect("a jid")
}

fn started() -> Started {
    let args = Map::from([("tgt", "*")]);
    let ping = |id: &str| LowChunk {
        state: "salt".into(),
        fun: "function".into(),
        id: id.into(),
        name: "test.ping".into(),
        args: args.clone(),
        ..LowChunk::default()
    };
    let low = vec![ping("one"), ping("two")];
    let plan = Plan::compile("t", low, Vec::new(), Options::default()).expect("it can be planned");
    Started {
        run: jid(0),
        plan: Arc::new(plan),
        cursor: Cursor(0),
        user: String::new(),
        pillar: Map::new(),
        at: NOW,
        parent: None,
    }
}

fn step_started(step: usize, attempt: u32) -> RunRecord {
    RunRecord::StepStarted {
        step,
        attempt,
        begun: Begun {
            jid: Some(jid(1)),
            calls: Vec::new(),
            cursor: Cursor(1),
            after: None,
            at: NOW,
            deadline: None,
            limit: None,
        },
        is_pre: false,
    }
}

fn published(step: usize) -> RunRecord {
    let a: MinionId = "a".parse().expect("an id");
    RunRecord::Published {
        step,
        attempt: 1,
        minions: vec![a],
        missing: Vec::new(),
        refused: None,
        at: NOW,
    }
}

fn minion_ended(id: &str, phase: MinionPhase) -> RunRecord {
    RunRecord::MinionEnded {
        step: 0,
        attempt: 1,
        id: id.parse().expect("an id"),
        phase,
        why: String::new(),
        answer: None,
        at: NOW,
    }
}

fn step_finished(step: usize, attempt: u32) -> RunRecord {
    let ret = Arc::new(StateReturn::default());
    RunRecord::StepFinished {
        step,
        attempt,
        ret,
        at: NOW,
    }
}

fn finished(phase: RunPhase) -> RunRecord {
    RunRecord::Finished { phase, at: NOW }
}

/// After `before`, `record` cannot follow.
fn refuses(before: &[RunRecord], record: RunRecord) {
    let mut run = Run::start(started());
    for record in before {
        run.apply(record).expect("what comes before can follow");
    }
    let was = run.clone();
    let refused = run.apply(&record).expect_err("it cannot follow");
    assert_eq!(refused.record, record.name());
    assert_eq!(run, was, "{} changed the run", record.name());
}

#[test]
fn what_cannot_follow_is_refused() {
    let cancelled = RunRecord::Cancelled {
        by: "alice".into(),
        at: NOW,
    };
    refuses(&[], RunRecord::Started(started()));
    refuses(&[], published(0));
    refuses(&[], step_started(9, 1));
    refuses(&[], step_started(0, 2));
    refuses(&[], step_finished(0, 1));
    refuses(&[], finished(RunPhase::Running));
    refuses(&[step_started(0, 1)], step_started(0, 1));
    refuses(&[step_started(0, 1)], step_started(0, 2));
    refuses(&[step_started(0, 1)], step_finished(0, 0));
    refuses(&[step_started(0, 1)], minion_ended("a", MinionPhase::Lost));
    refuses(&[step_started(0, 1)], finished(RunPhase::Succeeded));
    let out = [step_started(0, 1), published(0)];
    refuses(&out, published(0));
    refuses(&out, minion_ended("b", MinionPhase::Lost));
    refuses(&out, minion_ended("a", MinionPhase::Running));
    let lost = [&out[..], &[minion_ended("a", MinionPhase::Lost)]].concat();
    refuses(&lost, minion_ended("a", MinionPhase::Rebooted));
    refuses(&[step_finished(0, 0)], step_started(0, 1));
    refuses(&[step_finished(0, 0)], step_finished(0, 0));
    refuses(std::slice::from_ref(&cancelled), cancelled.clone());
    refuses(&[finished(RunPhase::Failed)], step_started(0, 1));
    refuses(&[finished(RunPhase::Failed)], cancelled);
}

#[test]
fn a_log_without_a_start_is_refused() {
    let refused = Run::fold(&[published(0)]).expect_err("nothing has started");
    assert_eq!(
        refused.to_string(),
        "run unknown: record published cannot follow: the run has not started"
    );
    assert_eq!(Run::fold(&[]), Ok(None));
}
