//! A run once more, from a step on: what is carried over, and what requisites and waits see of it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use model::api::{PlanMark, RunPhase, StepPhase};
use model::{Cursor, Event, Jid, Map, Tag, Timestamp, Value};
use orch::{CannotRetry, Carried, Context, Fact, Options, Plan, Run, RunRecord, Started};
use states::low_chunk::LowChunk;

fn chunk(fun: &str, id: &str, args: Map) -> LowChunk {
    let (state, fun) = fun.split_once('.').unwrap();
    let mut args = args;
    let name = args
        .remove("name")
        .map_or(id.to_owned(), |name| name.to_text());
    LowChunk {
        state: state.into(),
        fun: fun.into(),
        id: id.into(),
        name,
        sls: "orch.t".into(),
        saltenv: "base".into(),
        args,
        ..LowChunk::default()
    }
}

fn require(id: &str) -> Value {
    Value::List(vec![Map::from([("salt", id)]).into()])
}

fn plan() -> Plan {
    let ask = |id: &str, needs: Option<&str>| {
        let mut args = Map::from([("text", "go on?")]);
        if let Some(needs) = needs {
            args.insert("require", require(needs));
        }
        chunk("salt.approve", id, args)
    };
    let mut last = ask("clean", None);
    last.args.insert("finally", true);
    let wait = Map::from([
        ("name", Value::from("salt/minion/*/start")),
        ("id_list", Value::List(vec!["n1".into()])),
        ("timeout", 60.into()),
        ("require", require("one")),
    ]);
    let low = vec![
        ask("one", None),
        chunk("salt.wait_for_event", "back", wait),
        ask("two", Some("back")),
        last,
    ];
    Plan::compile("orch.t", low, Vec::new(), Options::default()).unwrap()
}

fn jid(number: u32) -> Jid {
    format!("20261121081709{number:06}").parse().unwrap()
}

/// A run with the log's place and the time.
struct Stage {
    run: Run,
    records: Vec<RunRecord>,
    cursor: u64,
    now: Timestamp,
}

impl Stage {
    fn new(first: RunRecord, cursor: u64) -> Self {
        let run = Run::of_first(&first).unwrap();
        let mut stage = Self {
            run,
            records: vec![first],
            cursor,
            now: Timestamp::from_secs(1),
        };
        stage.tell(Fact::Begin);
        stage
    }

    fn tell(&mut self, fact: Fact) {
        let mut next = 100;
        let mut next_jid = || {
            next += 1;
            jid(next)
        };
        let mut context = Context {
            now: self.now,
            cursor: Cursor(self.cursor),
            next_jid: &mut next_jid,
        };
        let output = self.run.on(&fact, &mut context);
        for record in output.records {
            self.run.apply(&record).unwrap();
            self.records.push(record);
            self.cursor += 1;
        }
    }

    fn answer(&mut self, id: &str, is_yes: bool) {
        let step = self.run.step_of(id).unwrap();
        let by = "alice".into();
        self.tell(Fact::Approved { step, by, is_yes });
    }

    fn phase(&self, id: &str) -> StepPhase {
        let step = self.run.step_of(id).unwrap();
        self.run.steps().nth(step).unwrap().phase
    }
}

fn started(number: u32, cursor: u64) -> Started {
    // Further fields have defaults, as an older log leaves them out.
    let plan = serde_json::to_value(plan()).unwrap();
    serde_json::from_value(serde_json::json!({
        "run": jid(number), "plan": plan, "cursor": cursor, "user": "root", "pillar": {}, "at": 0,
    }))
    .unwrap()
}

/// A run whose wait timed out.
fn failed() -> Stage {
    let mut stage = Stage::new(RunRecord::Started(started(1, 10)), 10);
    stage.answer("one", true);
    let upto = Cursor(stage.cursor);
    stage.tell(Fact::LookedBack { step: 1, upto });
    stage.now = Timestamp::from_secs(1000);
    stage.tell(Fact::TimerFired {
        step: 1,
        attempt: 1,
    });
    assert_eq!(stage.phase("back"), StepPhase::Failed);
    stage.answer("clean", true);
    assert_eq!(stage.run.phase(), RunPhase::Failed);
    stage
}

fn again(stage: &Stage, from: Option<&str>) -> Stage {
    let (from, carried) = stage.run.retry(from).unwrap();
    let first = RunRecord::Retried {
        started: started(2, 500),
        of: stage.run.id().clone(),
        from,
        carried,
    };
    Stage::new(first, 500)
}

#[test]
fn a_retry_begins_with_the_step_that_failed_and_looks_back_to_the_carried_one() {
    let mut stage = again(&failed(), None);
    assert_eq!(stage.phase("one"), StepPhase::Succeeded);
    assert_eq!(stage.phase("back"), StepPhase::Running);
    // The machine came back after the earlier run had given it up, and before this one.
    let event = Event {
        cursor: Cursor(400),
        tag: Tag::new("salt/minion/n1/start"),
        data: Map::from([("id", "n1")]),
        stamp: Timestamp(0),
    };
    stage.tell(Fact::Event(event));
    assert_eq!(stage.phase("back"), StepPhase::Succeeded);
    stage.answer("two", true);
    stage.answer("clean", true);
    assert_eq!(stage.run.phase(), RunPhase::Succeeded);
    assert!(
        stage.run.oldest_needed() <= Cursor(11),
        "the log is kept that far back"
    );
    let view = stage.run.view();
    assert_eq!(view.retry_of.as_ref(), Some(&jid(1)));
    assert!(view.tree[0].is_carried && !view.tree[1].is_carried);
    assert_eq!(
        stage.run.took_ms(0),
        None,
        "a carried step took its time elsewhere"
    );
}

#[test]
fn a_carried_failure_fails_what_requires_it() {
    let mut stage = again(&failed(), Some("two"));
    assert_eq!(stage.phase("back"), StepPhase::Failed);
    assert_eq!(stage.phase("two"), StepPhase::Skipped);
    stage.answer("clean", true);
    assert_eq!(stage.run.phase(), RunPhase::Failed);
}

#[test]
fn what_runs_in_any_case_runs_again() {
    let (_, carried) = failed().run.retry(Some("clean")).unwrap();
    let steps: Vec<usize> = carried
        .iter()
        .map(|carried: &Carried| carried.step)
        .collect();
    assert_eq!(steps, [0, 1, 2]);
    let stage = again(&failed(), Some("clean"));
    assert_eq!(stage.phase("clean"), StepPhase::Running);
}

#[test]
fn a_retry_that_makes_no_sense_says_why() {
    let stage = Stage::new(RunRecord::Started(started(1, 10)), 10);
    assert!(matches!(
        stage.run.retry(None),
        Err(CannotRetry::HasNotEnded(_))
    ));
    let wrong = failed().run.retry(Some("nobody"));
    assert!(matches!(wrong, Err(CannotRetry::NoSuchStep { .. })));
}

#[test]
fn a_retried_run_is_folded_from_its_bytes() {
    let mut stage = again(&failed(), None);
    stage.tell(Fact::Cancelled { by: "bob".into() });
    let bytes = rmp_serde::to_vec_named(&stage.records).unwrap();
    let records: Vec<RunRecord> = rmp_serde::from_slice(&bytes).unwrap();
    assert_eq!(Run::fold(&records).unwrap(), Some(stage.run));
}

#[test]
fn a_graph_and_its_warnings_name_what_is_odd() {
    let plan = plan();
    let graph = plan.graph();
    assert_eq!(graph[0].marks, [PlanMark::Approval]);
    assert_eq!(graph[2].needs[0].id, "back");
    assert!(graph[3].marks.contains(&PlanMark::Finally));
    assert!(graph.iter().all(|step| !step.is_change));
    let warned = |what: &str| plan.warnings.iter().any(|warning| warning.contains(what));
    assert!(warned("only a person can cause"), "{:?}", plan.warnings);
    let of_ids = plan.warnings_of_ids(|_| false);
    assert!(of_ids[0].contains("n1"), "{of_ids:?}");
    assert!(plan.warnings_of_ids(|_| true).is_empty());
    let mut args = Map::from([("name", Value::from("salt/minon/*/start"))]);
    args.insert("id_list", Value::List(vec!["n1".into()]));
    let low = vec![chunk("salt.wait_for_event", "typo", args)];
    let plan = Plan::compile("orch.t", low, Vec::new(), Options::default()).unwrap();
    assert!(
        plan.warnings
            .iter()
            .any(|warning| warning.contains("in vain"))
    );
}

#[test]
fn a_question_says_what_comes_next() {
    let stage = Stage::new(RunRecord::Started(started(1, 10)), 10);
    let question = stage.run.question(0).unwrap();
    assert_eq!(question.text, "go on?");
    assert!(
        question.then[0].starts_with("back: wait for"),
        "{question:?}"
    );
    assert_eq!(stage.run.question(2), None, "its turn has not come");
    let explained = stage.run.explain();
    assert_eq!(explained.len(), 1);
    assert_eq!(explained[0].question, Some(question));
}
