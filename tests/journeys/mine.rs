//! The mine: what minions leave for each other, and who may read it.

use minion_protocol::Version;
use model::{Map, Value};
use tests::sim_minion::SimMinion;
use tests::test_master::TestMaster;

fn minion(master: &TestMaster, id: &str, version: Version) -> SimMinion {
    let mut minion = SimMinion::new(id, version, master.ports());
    minion.sign_in_accepted();
    minion
}

fn named(minion: &SimMinion, pairs: &[(&str, Value)]) -> Map {
    let mut load: Map = pairs.iter().cloned().collect();
    load.insert("id", minion.id.as_str());
    load.insert("tok", Value::Bytes(minion.token()));
    load
}

fn store(minion: &SimMinion, fun: &str, value: impl Into<Value>, clear: bool) -> Value {
    let data = Map::from([(fun, value.into())]);
    let load = named(minion, &[("data", data.into()), ("clear", clear.into())]);
    minion.asks("_mine", load)
}

fn get(minion: &SimMinion, tgt: &str, fun: &str) -> Value {
    let load = [
        ("tgt", Value::str(tgt)),
        ("fun", Value::str(fun)),
        ("tgt_type", "glob".into()),
    ];
    minion.asks("_mine_get", named(minion, &load))
}

#[test]
fn what_one_stores_the_others_read_until_it_is_deleted() {
    let mut master = TestMaster::start_with("auto_accept: True");
    for (index, version) in [Version::V0, Version::V2, Version::V3]
        .into_iter()
        .enumerate()
    {
        let (one, two) = (format!("one{index}"), format!("two{index}"));
        let one = minion(&master, &one, version);
        let mut two = minion(&master, &two, Version::V3);
        assert_eq!(
            store(&one, "join_params", "secret", false),
            Value::Bool(true)
        );
        let expected: Value = Map::from([(one.id.as_str(), "secret")]).into();
        assert_eq!(get(&two, &one.id, "join_params"), expected);
        master.restart();
        two.sign_in_accepted();
        assert_eq!(get(&two, &one.id, "join_params"), expected, "after a kill");
        let mut one = one;
        one.sign_in_accepted();
        let load = named(&one, &[("fun", Value::str("join_params"))]);
        assert_eq!(one.asks("_mine_delete", load), Value::Bool(true));
        assert_eq!(get(&two, &one.id, "join_params"), Value::Map(Map::new()));
    }
}

#[test]
fn clear_replaces_and_flush_forgets_only_the_askers_own() {
    let master = TestMaster::start_with("auto_accept: True");
    let (one, two) = (
        minion(&master, "one", Version::V3),
        minion(&master, "two", Version::V3),
    );
    store(&one, "first", 1, false);
    store(&two, "first", 2, false);
    store(&one, "second", 3, true);
    assert_eq!(get(&two, "*", "first"), Map::from([("two", 2)]).into());
    assert_eq!(get(&two, "*", "second"), Map::from([("one", 3)]).into());
    assert_eq!(two.asks("_mine_flush", named(&two, &[])), Value::Bool(true));
    assert_eq!(get(&one, "*", "first"), Value::Map(Map::new()));
    assert_eq!(get(&one, "*", "second"), Map::from([("one", 3)]).into());
}

#[test]
fn a_value_with_readers_of_its_own_is_for_them_alone() {
    let master = TestMaster::start_with("auto_accept: True");
    let one = minion(&master, "one", Version::V3);
    let (friend, other) = (
        minion(&master, "friend", Version::V0),
        minion(&master, "other", Version::V3),
    );
    let value = Map::from([
        ("__data__", Value::str("secret")),
        ("__saltmine_acl__", Value::Int(1)),
        ("allow_tgt", Value::str("friend")),
        ("allow_tgt_type", Value::str("glob")),
    ]);
    store(&one, "params", value, false);
    assert_eq!(
        get(&friend, "*", "params"),
        Map::from([("one", "secret")]).into()
    );
    assert_eq!(get(&other, "*", "params"), Value::Map(Map::new()));
}

#[test]
fn several_functions_are_answered_one_by_one() {
    let master = TestMaster::start_with("auto_accept: True");
    let one = minion(&master, "one", Version::V3);
    store(&one, "a", 1, false);
    store(&one, "b", 2, false);
    let both = Value::List(vec!["a".into(), "b".into()]);
    let load = [
        ("tgt", Value::str("*")),
        ("fun", both),
        ("tgt_type", "glob".into()),
    ];
    let answer = one.asks("_mine_get", named(&one, &load));
    let of = |value: i64| Map::from([("one", value)]);
    assert_eq!(answer, Map::from([("a", of(1)), ("b", of(2))]).into());
}
