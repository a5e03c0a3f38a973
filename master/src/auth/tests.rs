//! Every branch of the decision on a sign-in.

use super::decide::{Claim, on_attempt};
use super::*;
use crate::keys::{KeyChange, KeyChanged, View};
use crate::ledger::Record;
use model::{Map, MinionId};

fn keys(change: Option<KeyChange>) -> View {
    let mut view = View::default();
    if let Some(change) = change {
        let id = "web01".parse().unwrap();
        view.apply(&KeyChanged {
            id,
            change,
            pem: "KEY".into(),
            by: "minion".into(),
        });
    }
    view
}

fn attempt(pem: &str, claim: &str) -> Attempt {
    Attempt {
        id: "web01".parse().unwrap(),
        pem: pem.into(),
        claim: Claim {
            is_rejected: claim == "reject",
            signed_by: (claim == "sign").then(|| "autosign_file".into()),
        },
        is_over_max: false,
    }
}

#[test]
fn each_case_ends_as_in_python() {
    use KeyChange::{Accepted, Denied, Pended, Rejected};
    let cases = [
        (None, "KEY", "", Outcome::Pending, Some(Pended)),
        (None, "KEY", "sign", Outcome::Accepted, Some(Accepted)),
        (None, "KEY", "reject", Outcome::Refused, Some(Rejected)),
        (Some(Pended), "KEY", "", Outcome::Pending, None),
        (
            Some(Pended),
            "KEY",
            "sign",
            Outcome::Accepted,
            Some(Accepted),
        ),
        (
            Some(Pended),
            "KEY",
            "reject",
            Outcome::Refused,
            Some(Rejected),
        ),
        (Some(Pended), "OTHER", "", Outcome::Refused, Some(Denied)),
        (
            Some(Pended),
            "OTHER",
            "sign",
            Outcome::Refused,
            Some(Denied),
        ),
        (Some(Accepted), "KEY", "", Outcome::Accepted, None),
        (
            Some(Accepted),
            "OTHER",
            "sign",
            Outcome::Refused,
            Some(Denied),
        ),
        (Some(Rejected), "KEY", "sign", Outcome::Refused, None),
    ];
    for (before, pem, claim, outcome, change) in cases {
        let (records, told) = on_attempt(&keys(before), &attempt(pem, claim), false);
        assert_eq!(told, outcome, "{before:?} {pem} {claim}");
        let changed = records.iter().find_map(|record| match record {
            Record::KeyChanged(changed) => Some(changed.change),
            _ => None,
        });
        assert_eq!(changed, change, "{before:?} {pem} {claim}");
        assert!(
            matches!(records.last(), Some(Record::Event { .. })),
            "each leaves salt/auth"
        );
    }
}

#[test]
fn open_mode_takes_any_key() {
    let (_, told) = on_attempt(
        &keys(Some(KeyChange::Rejected)),
        &attempt("OTHER", ""),
        true,
    );
    assert_eq!(told, Outcome::Accepted);
}

#[test]
fn a_full_house_changes_nothing() {
    let mut attempt = attempt("KEY", "sign");
    attempt.is_over_max = true;
    let (records, told) = on_attempt(&keys(None), &attempt, false);
    assert_eq!((records.len(), told), (1, Outcome::Full));
}

#[test]
fn a_denied_key_is_told_once() {
    let mut view = keys(Some(KeyChange::Accepted));
    let (records, _) = on_attempt(&view, &attempt("OTHER", ""), false);
    for record in &records {
        if let Record::KeyChanged(changed) = record {
            view.apply(changed);
        }
    }
    let (again, _) = on_attempt(&view, &attempt("OTHER", ""), false);
    assert_eq!((records.len(), again.len()), (2, 1));
}

#[test]
fn autosign_lines_are_exact_glob_or_regex() {
    let id: MinionId = "web01".parse().unwrap();
    for (text, expected) in [
        ("web01", true),
        ("# web01", false),
        ("web*", true),
        ("web\\d+", true),
        ("eb01", false),
        ("[", false),
    ] {
        assert_eq!(autosign::file_matches(text, &id), expected, "{text}");
    }
}

#[test]
fn a_grain_matches_the_file_of_its_name_only() {
    let grains = Map::from([("uuid", "u-1"), ("../uuid", "u-1")]);
    let read = |name: &str| match name {
        "uuid" => Some("# known\nu-1\n".to_owned()),
        _ => panic!("{name} must not be opened"),
    };
    assert_eq!(
        autosign::matching_grain(&grains, read).as_deref(),
        Some("uuid")
    );
    assert_eq!(
        autosign::matching_grain(&grains, |_| Some("u-2".into())),
        None
    );
}
