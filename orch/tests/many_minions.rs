//! A job of a thousand minions: each answer is one record, and the last one ends the step.

use std::sync::Arc;

use model::{Cursor, Jid, JobReturn, Map, MinionId, Timestamp};
use orch::{Context, Fact, Options, Plan, Run, RunRecord, Started};
use states::low_chunk::LowChunk;

fn jid() -> Jid {
    "20261121100000000001".parse().expect("a jid")
}

fn returned(id: &MinionId) -> Fact {
    Fact::Returned(JobReturn {
        id: id.clone(),
        jid: jid(),
        fun: "test.ping".into(),
        ret: true.into(),
        retcode: 0.into(),
        success: Some(true.into()),
        out: None,
        load: Map::new(),
    })
}

#[test]
fn each_answer_is_one_record_until_the_last() {
    let low = LowChunk {
        state: "salt".into(),
        fun: "function".into(),
        id: "ping".into(),
        name: "test.ping".into(),
        args: Map::from([("tgt", "*")]),
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
    let minions: Vec<MinionId> = (0..1000)
        .map(|number| format!("node{number}").parse().expect("an id"))
        .collect();
    let mut tell = |fact: &Fact| {
        let mut context = Context {
            now: Timestamp(0),
            cursor: Cursor(0),
            next_jid: &mut jid,
        };
        let records = run.on(fact, &mut context).records;
        for record in &records {
            run.apply(record).expect("it can follow");
        }
        records.iter().map(RunRecord::name).collect::<Vec<_>>()
    };
    tell(&Fact::Begin);
    tell(&Fact::Published {
        jid: jid(),
        minions: minions.clone(),
        missing: Vec::new(),
    });
    let (last, others) = minions.split_last().expect("a thousand");
    for id in others {
        assert_eq!(tell(&returned(id)), ["minion_ended"]);
        assert!(
            tell(&returned(id)).is_empty(),
            "a second answer changes nothing"
        );
    }
    assert_eq!(
        tell(&returned(last)),
        ["minion_ended", "step_finished", "finished"]
    );
}
