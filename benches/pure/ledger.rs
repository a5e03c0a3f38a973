//! What the one thread that decides does with an input: decision, record, view. The log is in
//! memory here; what the disk adds is in `storage`.

use std::sync::atomic::{AtomicU64, Ordering};

use divan::Bencher;
use divan::counter::ItemsCount;
use master::auth::Attempt;
use master::auth::decide::Claim;
use master::config::Opts;
use master::jobs::decide::Request;
use master::keys::{KeyChange, KeyChanged};
use master::ledger::{Answer, Core, CoreParts, Durable, Input, Record};
use master::world::real::world;
use model::target::Target;
use model::{Jid, JobReturn, Map, MinionId, Tag, Timestamp, Value};
use storage::{Entry, Store};

/// Inputs of one batch.
const BATCH: usize = 512;

fn id(number: usize) -> MinionId {
    format!("m-{number:05}").parse().unwrap()
}

fn core_of(minions: usize) -> Core {
    let mut store: Store = storage::memory::open();
    let accepted = |number| {
        let record = Record::KeyChanged(KeyChanged {
            id: id(number),
            change: KeyChange::Accepted,
            pem: String::new(),
            by: "root".into(),
        });
        Entry::new(Timestamp::from_secs(1_800_000_000), record.encode())
    };
    let entries: Vec<Entry> = (0..minions).map(accepted).collect();
    store.log.append(&entries).unwrap();
    let durable = Durable::new(store.reader, store.tables, store.blobs);
    Core::new(CoreParts {
        views: durable.views().unwrap(),
        log: store.log,
        durable,
        clock: world().clock,
        policy: master::master::policy(&Opts::default()),
    })
}

fn publish(core: &mut Core, target: Target) -> Jid {
    let request = Request::new("test.ping", target, "root");
    let mut step = core.step([Input::Publish(Box::new(request))]);
    match step.answers.remove(0).unwrap() {
        Answer::Published(published) => published.jid,
        other => panic!("{other:?}"),
    }
}

fn ret(jid: &Jid, number: usize) -> Input {
    let load = Map::from([
        ("id", Value::Str(id(number).to_string())),
        ("jid", Value::str(jid.as_str())),
        ("fun", Value::str("test.ping")),
        ("fun_args", Value::List(Vec::new())),
        ("return", Value::Bool(true)),
        ("retcode", Value::Int(0)),
        ("success", Value::Bool(true)),
    ]);
    Input::Return(Box::new(JobReturn {
        id: id(number),
        jid: jid.clone(),
        fun: Value::str("test.ping"),
        ret: Value::Bool(true),
        retcode: Value::Int(0),
        success: Some(Value::Bool(true)),
        out: None,
        load,
    }))
}

/// Events of 200 bytes.
#[divan::bench]
fn events(bencher: Bencher<'_, '_>) {
    let mut core = core_of(1);
    let event = || {
        let data = Map::from([
            ("id", Value::str("m-00000")),
            ("text", Value::Str("x".repeat(150))),
        ]);
        Input::Events(vec![(Tag::new("swarm/m-00000/event"), data)])
    };
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| (0..BATCH).map(|_| event()).collect::<Vec<_>>())
        .bench_local_values(|inputs| core.step(inputs));
}

/// Sign-ins of keys that are accepted already, each with its event.
#[divan::bench]
fn sign_ins(bencher: Bencher<'_, '_>) {
    let mut core = core_of(BATCH);
    let attempt = |number: usize| {
        Input::Auth(Box::new(Attempt {
            id: id(number),
            pem: String::new(),
            version: 3,
            from: "127.0.0.1".into(),
            claim: Claim::default(),
            is_over_max: false,
            is_old_gone: false,
        }))
    };
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| (0..BATCH).map(attempt).collect::<Vec<_>>())
        .bench_local_values(|inputs| core.step(inputs));
}

/// Returns of one job to that many minions, by a batch of them.
#[divan::bench(args = [512, 10_240])]
fn returns(bencher: Bencher<'_, '_>, minions: usize) {
    let mut core = core_of(minions);
    let mut jid = publish(&mut core, Target::glob("*"));
    let next = AtomicU64::new(0);
    let core = std::cell::RefCell::new(core);
    bencher
        .counter(ItemsCount::new(BATCH))
        .with_inputs(|| {
            let first = next.fetch_add(BATCH as u64, Ordering::Relaxed) as usize % minions;
            if first == 0 {
                jid = publish(&mut core.borrow_mut(), Target::glob("*"));
            }
            (first..first + BATCH)
                .map(|number| ret(&jid, number))
                .collect::<Vec<_>>()
        })
        .bench_local_values(|inputs| core.borrow_mut().step(inputs));
}

/// A publish to one minion, by how many keys are accepted.
#[divan::bench(args = [100, 2000, 10_000])]
fn publish_to_one(bencher: Bencher<'_, '_>, minions: usize) {
    let mut core = core_of(minions);
    bencher.bench_local(|| publish(&mut core, Target::glob("m-00042")));
}

/// A publish to all.
#[divan::bench(args = [100, 10_000])]
fn publish_to_all(bencher: Bencher<'_, '_>, minions: usize) {
    let mut core = core_of(minions);
    bencher.bench_local(|| publish(&mut core, Target::glob("*")));
}
