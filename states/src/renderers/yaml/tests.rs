//! What holds for every document.

use super::*;

fn repr(text: &str) -> String {
    load_yaml(text).map_or_else(
        |error| format!("error: {}", error.message()),
        |value| value.repr(),
    )
}

#[test]
fn plain_scalars_are_what_yaml_1_1_says() {
    let cases = [
        ("yes", "True"),
        ("Off", "False"),
        ("y", "'y'"),
        ("~", "None"),
        ("012", "12"),
        ("0644", "644"),
        ("-012", "-10"),
        ("08", "'08'"),
        ("0o14", "'0o14'"),
        ("0x1F", "31"),
        ("0b101", "5"),
        ("1_000", "1000"),
        ("1:30", "90"),
        ("12:34:56:10:20:30", "9783973230"),
        ("190:20:30.15", "685230.15"),
        ("1e3", "'1e3'"),
        ("1.0e+3", "1000.0"),
        ("-.5", "'-.5'"),
        (".5", "0.5"),
        (".inf", "inf"),
        ("2001-12-14", "'2001-12-14'"),
        ("2001-12-14 21:59:43.10 -5", "'2001-12-14 21:59:43.10 -5'"),
        ("'yes'", "'yes'"),
        ("!!str 5", "'5'"),
        ("!!int '5'", "5"),
        ("!!binary aGVsbG8=", "b'hello'"),
    ];
    for (text, expected) in cases {
        assert_eq!(repr(text), expected, "{text}");
    }
}

#[test]
fn a_key_twice_is_an_error_that_names_both_places() {
    let error = load_yaml("a: 1\nb: 2\na: 3\n").unwrap_err();
    assert_eq!(
        error.message(),
        "while constructing a mapping\n  in \"<unicode string>\", line 1, column 1\n\
         found conflicting ID 'a'\n  in \"<unicode string>\", line 3, column 1"
    );
    assert_eq!(error.line(), Some(3));
    assert!(
        load_yaml("1: a\ntrue: b\n").is_err(),
        "1 and True are one key"
    );
}

#[test]
fn merged_keys_lose_to_own_keys_and_first_listed_wins() {
    let text = "a: &a {x: 1, y: 1}\nb: &b {z: 2}\nc:\n  <<: [*a, *b]\n  y: 3\n";
    assert_eq!(
        repr(text),
        "{'a': {'x': 1, 'y': 1}, 'b': {'z': 2}, 'c': {'z': 2, 'x': 1, 'y': 3}}"
    );
}

#[test]
fn a_tab_is_named_with_its_line() {
    let error = load_yaml("a:\n\tb: 1\n").unwrap_err();
    assert_eq!(error.message(), "Illegal tab character");
    assert_eq!(error.line(), Some(2));
    assert!(
        error
            .to_string()
            .contains("b: 1    <======================")
    );
}

#[test]
fn a_double_quoted_text_folds() {
    assert_eq!(repr("\"a\\\n   b\\x41\n  c\""), "'abA c'");
}

#[test]
fn python_tags_are_refused() {
    let error = load_yaml("!!python/object/apply:os.system ['true']").unwrap_err();
    assert!(
        error
            .message()
            .contains("could not determine a constructor for the tag")
    );
}

#[test]
fn bombs_end_in_an_error() {
    let mut laughs = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let below = level - 1;
        laughs.push_str(&format!(
            "a{level}: &a{level} [*a{below},*a{below},*a{below},*a{below}"
        ));
        laughs.push_str(&format!(",*a{below},*a{below},*a{below},*a{below}]\n"));
    }
    assert_eq!(load_yaml(&laughs).unwrap_err().kind(), ErrorKind::Limit);
    assert_eq!(
        load_yaml(&"[".repeat(200_000)).unwrap_err().kind(),
        ErrorKind::Limit
    );
    assert_eq!(
        load_yaml(&"- ".repeat(50_000)).unwrap_err().kind(),
        ErrorKind::Limit
    );
    assert!(load_yaml("&a [*a]").is_err());
}

#[test]
fn a_backslash_that_ends_the_text_is_an_error() {
    assert!(load_yaml("a: \"x\\").is_err());
}
