//! Who reads, how often, and what is left afterwards.

use std::sync::Arc;

use model::{Jid, Map, MinionId, Timestamp, Value};

use super::decide::{on_asked, on_delivered};
use super::*;
use crate::ledger::Record;
use crate::world::real::RealEntropy;

fn id(text: &str) -> MinionId {
    text.parse().unwrap()
}

fn jid(number: u64) -> Jid {
    format!("20261121100000{number:06}").parse().unwrap()
}

fn made(number: u64, run: u64) -> Made {
    Made {
        jid: jid(number),
        run: jid(run),
        name: "join".into(),
        maker: id("cp"),
        readers: vec![id("w1"), id("w2")],
        blob: format!("blob{number}"),
        until: Some(Timestamp(1000)),
        plain: Vec::new(),
    }
}

fn view() -> View {
    let mut view = View::default();
    view.apply(&SecretRecord::Made(made(1, 900)));
    view
}

/// Asks, applies what was decided, and says how many secrets came.
fn ask(view: &mut View, reader: &str, at: u64) -> (usize, usize) {
    let jids = view.named(&[id("cp")], &["join".into()]);
    let (records, grants) = on_asked(view, &id(reader), &jids, Timestamp(at));
    apply(view, &records);
    (grants.len(), records.len())
}

fn apply(view: &mut View, records: &[Record]) {
    for record in records {
        let Record::Secret(record) = record else {
            panic!("{record:?}");
        };
        view.apply(record);
    }
}

fn deliver(view: &mut View, reader: &str) -> usize {
    let records = on_delivered(view, &id(reader), &[jid(1)]);
    apply(view, &records);
    records.len()
}

#[test]
fn each_reader_reads_once() {
    let mut view = view();
    for reader in ["w1", "w2"] {
        assert_eq!(ask(&mut view, reader, 1), (1, 1));
        assert_eq!(deliver(&mut view, reader), 1);
        assert_eq!(ask(&mut view, reader, 1), (0, 1), "refused, and told");
        assert_eq!(ask(&mut view, reader, 1), (0, 0), "told once");
    }
}

#[test]
fn an_answer_that_was_not_handed_over_is_given_again() {
    let mut view = view();
    assert_eq!(ask(&mut view, "w1", 1).0, 1);
    assert_eq!(ask(&mut view, "w1", 1).0, 1);
    assert_eq!(deliver(&mut view, "w1"), 1);
    assert_eq!(deliver(&mut view, "w1"), 0, "a late word changes nothing");
    assert_eq!(ask(&mut view, "w1", 1).0, 0);
}

#[test]
fn nobody_else_reads_and_it_is_told() {
    let mut view = view();
    let jids = view.named(&[id("cp")], &["join".into()]);
    let (records, grants) = on_asked(&view, &id("x"), &jids, Timestamp(1));
    assert!(grants.is_empty());
    let [Record::Secret(refused)] = &records[..] else {
        panic!("{records:?}");
    };
    let (tag, data) = refused.event().unwrap();
    assert_eq!(tag.as_str(), format!("salt/secret/{}/refused", jid(1)));
    assert_eq!(data.get("id"), Some(&Value::str("x")));
    apply(&mut view, &records);
    assert_eq!(ask(&mut view, "x", 1), (0, 0));
}

#[test]
fn it_is_over_with_its_lifetime_and_with_its_run() {
    let mut view = view();
    assert_eq!(ask(&mut view, "w1", 1000).0, 0);
    view.run_ended(&jid(900));
    assert_eq!(ask(&mut view, "w2", 1), (0, 0));
    assert_eq!(view.take_unneeded(), ["blob1"]);
    assert_eq!(view.take_unneeded(), Vec::<String>::new());
}

#[test]
fn a_second_try_of_the_step_replaces_the_value() {
    let mut view = view();
    view.apply(&SecretRecord::Made(made(2, 900)));
    assert_eq!(view.take_unneeded(), ["blob1"]);
    view.apply(&SecretRecord::Made(made(3, 901)));
    assert!(view.take_unneeded().is_empty(), "another run's stays");
    let jids = view.named(&[id("cp")], &["join".into()]);
    let (_, grants) = on_asked(&view, &id("w1"), &jids, Timestamp(1));
    assert_eq!(grants.len(), 1, "the youngest counts");
    assert_eq!(grants[0].blob, "blob3");
}

#[test]
fn a_deleted_key_reads_nothing_more() {
    let mut view = view();
    view.key_deleted(&id("w1"));
    assert_eq!(ask(&mut view, "w1", 1).0, 0);
    assert_eq!(ask(&mut view, "w2", 1).0, 1);
    view.key_deleted(&id("cp"));
    assert!(view.is_empty());
}

#[test]
fn a_sealed_value_comes_back_and_does_not_stand_in_its_blob() {
    let blobs = storage::memory::open().blobs;
    let sealer = Sealer::of_chance(Arc::new(RealEntropy));
    let value: Value = Map::from([("token", "abcdef.0123456789abcdef")]).into();
    let blob = sealer.put(blobs.as_ref(), &value).unwrap();
    assert_eq!(sealer.get(blobs.as_ref(), &blob), Ok(value));
    let stored = blobs.get(&blob.parse().unwrap()).unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&stored).contains("abcdef"));
    let other = Sealer::of_chance(Arc::new(RealEntropy));
    let problem = other.get(blobs.as_ref(), &blob).unwrap_err();
    assert!(problem.contains("another key"), "{problem}");
}

#[test]
fn what_a_run_holds_and_what_matches_is_redacted() {
    let redactor = Redactor::new(&[r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b".into()]);
    let secret: Value = Map::from([
        ("hash", "sha256:0011223344"),
        ("endpoint", "10.0.0.1:6443"),
        ("port", "6443"),
    ])
    .into();
    redactor.learn(&jid(900), &secret, &["endpoint".into()]);
    let redact = |text: &str| {
        let mut value = Value::str(text);
        redactor.redact(&mut value);
        value.to_text()
    };
    assert_eq!(
        redact("join 10.0.0.1:6443 --token abcdef.0123456789abcdef --hash sha256:0011223344"),
        "join 10.0.0.1:6443 --token ** redacted ** --hash ** redacted **"
    );
    let mut deep: Value = Value::List(vec![Value::Bytes(b"x sha256:0011223344".into())]);
    redactor.redact(&mut deep);
    assert!(!format!("{deep:?}").contains("0011223344"), "{deep:?}");
    redactor.forget(&jid(900));
    assert_eq!(redact("sha256:0011223344"), "sha256:0011223344");
}
