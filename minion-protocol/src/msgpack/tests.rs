//! Msgpack both ways: what is kept, what is refused, what is bounded.

use proptest::prelude::*;

use super::*;

fn text(bytes: &[u8]) -> Value {
    decode(bytes).expect("one value")
}

// Item 14.
#[test]
fn raw_str8_and_bin8_are_the_same_text() {
    let long = "x".repeat(40);
    let forms: [&[u8]; 5] = [
        b"\xda\x00\x28",
        b"\xdb\x00\x00\x00\x28",
        b"\xd9\x28",
        b"\xc4\x28",
        b"\xc5\x00\x28",
    ];
    for head in forms {
        let bytes = [head, long.as_bytes()].concat();
        assert_eq!(text(&bytes), Value::str(&long));
    }
}

// Item 15.
#[test]
fn bytes_that_are_not_text_stay_bytes() {
    let value = text(b"\xa3\xff\x00a");
    assert_eq!(value, Value::Bytes(vec![0xff, 0, b'a']));
    assert_eq!(encode(&value), b"\xa3\xff\x00a");
}

// Item 16.
#[test]
fn any_scalar_is_a_key_and_order_is_kept() {
    let bytes = b"\x84\xa1z\x01\x05\x02\xc0\x03\xc3\x04";
    let value = text(bytes);
    let keys: Vec<_> = value.as_map().expect("a map").keys().cloned().collect();
    let expected = [
        Value::str("z"),
        Value::Int(5),
        Value::Nil,
        Value::Bool(true),
    ];
    assert_eq!(keys, expected);
    assert_eq!(encode(&value), bytes);
}

// Item 17.
#[test]
fn extensions_pass_through() {
    for bytes in [
        &b"\xc7\x04\x4e2026"[..],
        b"\xd6\x4e2026",
        b"\xc7\x03\x4fabc",
        b"\xd4\x99z",
    ] {
        assert!(matches!(text(bytes), Value::Ext(..)));
    }
    assert_eq!(encode(&text(b"\xd6\x4e2026")), b"\xd6\x4e2026");
}

// Item 18.
#[test]
fn ten_thousand_containers_are_refused() {
    for bytes in [vec![0x91; 10_000], b"\x81\xa1k".repeat(10_000)] {
        assert!(matches!(decode(&bytes), Err(Error::Deep(_))));
    }
    let mut fits = vec![0x91; DEPTH_MAX];
    fits.push(0xc0);
    assert!(decode(&fits).is_ok());
}

#[test]
fn a_length_that_is_not_there_is_refused() {
    for bytes in [
        &b"\xdd\xff\xff\xff\xff"[..],
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
    ] {
        assert!(matches!(decode(bytes), Err(Error::Short(_))));
    }
}

#[test]
fn a_payload_of_countless_values_is_refused() {
    let mut bytes = b"\xdd\x00\x20\x00\x00".to_vec();
    bytes.extend(std::iter::repeat_n(0xc0, 0x20_0000));
    assert!(matches!(decode(&bytes), Err(Error::Many(_))));
}

#[test]
fn containers_are_no_keys_and_nothing_may_follow() {
    assert_eq!(decode(b"\x81\x90\xc0"), Err(Error::Key(1)));
    assert_eq!(decode(b"\xc0\xc0"), Err(Error::Trailing(1)));
    assert_eq!(decode(b"\xc1"), Err(Error::Marker(0)));
    assert_eq!(decode(b""), Err(Error::Short(0)));
}

#[test]
fn an_integer_too_large_for_the_wire_is_its_text() {
    let value = Value::Int(i128::from(u64::MAX) + 1);
    assert_eq!(text(&encode(&value)), Value::str("18446744073709551616"));
}

/// Says whether a marker of the new format occurs where a marker can be.
fn has_new_format(bytes: &[u8]) -> bool {
    let mut reader = Reader {
        bytes,
        place: 0,
        nodes_left: NODES_MAX,
    };
    fn walk(reader: &mut Reader<'_>) -> bool {
        let start = reader.place;
        let marker = reader.bytes[start];
        if matches!(marker, 0xd9 | 0xc4..=0xc6) {
            return true;
        }
        let count = match Marker::from_u8(marker) {
            Marker::FixArray(count) => usize::from(count),
            Marker::FixMap(count) => 2 * usize::from(count),
            _ => {
                reader.value(0).expect("well formed");
                return false;
            }
        };
        reader.place += 1;
        (0..count).any(|_| walk(reader))
    }
    walk(&mut reader)
}

fn values() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        any::<i64>().prop_map(Value::from),
        "[a-z]{0,40}".prop_map(Value::from),
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
    ];
    let leaf = prop_oneof![
        key.clone(),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| raw(&bytes)),
        (any::<i8>(), proptest::collection::vec(any::<u8>(), 0..20))
            .prop_map(|(code, bytes)| Value::Ext(code, bytes)),
    ];
    leaf.prop_recursive(4, 40, 10, move |inner| {
        let pairs = proptest::collection::vec((key.clone(), inner.clone()), 0..10);
        prop_oneof![
            proptest::collection::vec(inner, 0..10).prop_map(Value::List),
            pairs.prop_map(|pairs| Value::Map(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_was_written_is_read(value in values()) {
        prop_assert_eq!(decode(&encode(&value)).expect("own bytes"), value.clone());
        prop_assert_eq!(decode(&encode_new(&value)).expect("own bytes"), value);
    }

    // Item 13.
    #[test]
    fn no_new_format_marker_is_emitted(value in values()) {
        prop_assert!(!has_new_format(&encode(&value)));
        prop_assert_eq!(encoded_bytes(&value), encode(&value).len());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(&bytes);
    }
}
