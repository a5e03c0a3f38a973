//! Who reads what.

use super::*;
use model::{Map, MinionId, Value};

fn id(text: &str) -> MinionId {
    text.parse().unwrap()
}

fn mine() -> View {
    let mut mine = View::default();
    mine.stored(&id("cp"), &Map::from([("join", "secret")]), false);
    let wrapped = Map::from([
        ("__data__", Value::str("for workers")),
        ("__saltmine_acl__", Value::Int(1)),
        ("allow_tgt", Value::str("worker*")),
    ]);
    mine.stored(&id("cp"), &Map::from([("guarded", wrapped)]), false);
    mine
}

fn read(mine: &View, reader: &str, fun: &str) -> Map {
    decide::read(
        mine,
        &id(reader),
        None,
        &[id("cp"), id("other")],
        &Value::str(fun),
    )
}

#[test]
fn one_function_gives_minion_to_value() {
    assert_eq!(
        read(&mine(), "worker1", "join"),
        Map::from([("cp", "secret")])
    );
}

#[test]
fn a_value_with_readers_is_nothing_to_others() {
    assert_eq!(
        read(&mine(), "worker1", "guarded"),
        Map::from([("cp", "for workers")])
    );
    assert_eq!(read(&mine(), "stranger", "guarded"), Map::new());
}

#[test]
fn several_functions_are_kept_apart() {
    let both = read(&mine(), "worker1", "join,guarded");
    assert_eq!(both.len(), 2);
    assert_eq!(
        both.get("join").and_then(|join| join.get("cp")),
        Some(&Value::str("secret"))
    );
}

#[test]
fn what_was_deleted_is_gone() {
    let mut mine = mine();
    mine.deleted(&id("cp"), Some("join"));
    assert_eq!(read(&mine, "worker1", "join"), Map::new());
    mine.deleted(&id("cp"), None);
    assert!(!mine.has_any(&id("cp")));
}
