//! What holds for every value.

use super::*;

#[test]
fn python_writes_it_so() {
    let map: Map = [("a", Value::Bool(true)), ("b", Value::Nil)].into();
    let value = Value::List(vec![map.into(), Value::Float(1e16), Value::str("it's")]);
    assert_eq!(value.repr(), r#"[{'a': True, 'b': None}, 1e+16, "it's"]"#);
    assert_eq!(float_repr(2.0), "2.0");
    assert_eq!(float_repr(0.00001), "1e-05");
}

#[test]
fn keys_of_every_kind_survive_msgpack_and_become_text_in_json() {
    let mut map = Map::new();
    map.insert(1, "one");
    map.insert(Value::Nil, Value::Bytes(vec![0xff]));
    let value = Value::Map(map);
    let json = serde_json::to_string(&value).unwrap();
    assert_eq!(json, "{\"1\":\"one\",\"null\":\"\u{fffd}\"}");
}

#[test]
fn a_path_goes_through_maps_and_lists() {
    let json = r#"{"a": {"b": [{"c": 1}, {"d": 2}]}}"#;
    let value: Value = serde_json::from_str(json).unwrap();
    assert_eq!(value.traverse("a:b:1:d", ":"), Some(&Value::Int(2)));
    assert_eq!(value.traverse("a:b:c", ":"), Some(&Value::Int(1)));
    assert_eq!(value.traverse("a:x", ":"), None);
}
