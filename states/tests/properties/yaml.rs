//! What is dumped reads back the same.

use model::{Map, Value};
use proptest::prelude::*;
use states::renderers::load_yaml;
use states::renderers::yaml::{Flow, dump_yaml};

/// Texts that look like other kinds of data, and what YAML gives a meaning to.
const ODD: &[&str] = &[
    "",
    " ",
    "yes",
    "null",
    "~",
    "1:30",
    "0644",
    "1e3",
    "- a",
    "a: b",
    "#",
    "'",
    "\"",
    "%",
    "{{ x }}",
    "...",
    "---",
    "\n",
    "a\n",
    "a\n\nb",
    "\ta",
    "x ",
    "!!str",
    "&a",
    "*a",
    "<<",
    "=",
    "2001-12-14",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
];

/// Texts of all kinds: any characters, what looks like other kinds of data, and what YAML gives a
/// meaning to.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,12}",
        ".{0,100}",
        "[ -~\n]{0,40}",
        proptest::sample::select(ODD).prop_map(str::to_owned),
    ]
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        proptest::num::f64::NORMAL.prop_map(Value::Float),
        text().prop_map(Value::Str),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
    ]
}

fn data() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 40, 6, |inner| {
        let map = proptest::collection::vec((text(), inner.clone()), 0..6);
        prop_oneof![
            proptest::collection::vec(inner, 0..6).prop_map(Value::List),
            map.prop_map(|pairs| Value::Map(pairs.into_iter().collect::<Map>())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_dumped_reads_back_the_same(value in data()) {
        for flow in [Flow::Always, Flow::Never, Flow::Leaves] {
            let written = dump_yaml(&value, flow);
            let read = load_yaml(&written);
            let read = read.map_err(|error| TestCaseError::fail(format!("{written:?}: {error}")))?;
            prop_assert_eq!(read.repr(), value.repr(), "{:?}", written);
        }
    }

    #[test]
    fn a_text_in_double_quotes_is_itself(value in text()) {
        let mut quoted = String::from("\"");
        for character in value.chars() {
            quoted.push_str(&format!("\\U{:08x}", u32::from(character)));
        }
        quoted.push('"');
        prop_assert_eq!(load_yaml(&quoted).unwrap().repr(), Value::Str(value).repr());
    }

    #[test]
    fn any_text_is_data_or_an_error_with_a_message(
        document in "[-a-c:,&*!?|>'\"%@`{}\\[\\] \n\t0-9]{0,40}"
    ) {
        if let Err(error) = load_yaml(&document) {
            prop_assert!(!error.message().is_empty());
        }
    }
}
