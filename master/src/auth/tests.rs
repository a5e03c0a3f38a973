//! Every branch of the decision on a sign-in.

use super::decide::{Claim, Known, on_attempt};
use super::*;
use crate::enrolment::{self, EnrolmentRecord, Evidence, Listed, Terms, Verdict};
use crate::keys::{KeyChange, KeyChanged, View};
use crate::ledger::Record;
use model::{Map, MinionId, Timestamp};

/// What is known, brought up to date by what is decided.
struct Desk {
    keys: View,
    enrolment: enrolment::View,
    terms: Terms,
    is_open: bool,
    now: Timestamp,
}

impl Desk {
    fn new(change: Option<KeyChange>) -> Self {
        let mut keys = View::default();
        if let Some(change) = change {
            let id = "web01".parse().unwrap();
            keys.apply(&KeyChanged {
                id,
                change,
                pem: "KEY".into(),
                by: "minion".into(),
            });
        }
        Self {
            keys,
            enrolment: enrolment::View::default(),
            terms: terms(),
            is_open: false,
            now: Timestamp::from_secs(1_000),
        }
    }

    fn decide(&mut self, attempt: &Attempt) -> (Vec<Record>, Outcome) {
        let known = Known {
            keys: &self.keys,
            enrolment: &self.enrolment,
            terms: &self.terms,
            is_open: self.is_open,
            now: self.now,
        };
        let (records, outcome) = on_attempt(known, attempt);
        for record in &records {
            match record {
                Record::KeyChanged(changed) => {
                    self.keys.apply(changed);
                    self.enrolment.key_changed(changed);
                }
                Record::Enrolment(record) => self.enrolment.apply(self.now, record),
                _ => {}
            }
        }
        (records, outcome)
    }
}

fn terms() -> Terms {
    Terms {
        is_policy: true,
        is_lab: false,
        needs_window: false,
        allows_rebuild: false,
        per_minute: 0,
        total: 0,
        pending_max: 0,
    }
}

fn attempt(pem: &str, claim: &str) -> Attempt {
    Attempt {
        id: "web01".parse().unwrap(),
        pem: pem.into(),
        version: 3,
        from: "10.0.0.9".into(),
        claim: Claim {
            is_rejected: claim == "reject",
            signed_by: (claim == "sign").then(|| "autosign_file".into()),
            evidence: None,
        },
        is_over_max: false,
        is_old_gone: false,
    }
}

/// A stranger that claims a UUID which is listed.
fn claiming(id: &str, pem: &str, uuid: &str) -> Attempt {
    let listed = Listed {
        list: "uuid".into(),
        sent: Some(uuid.into()),
        is_listed: true,
        is_shared: false,
    };
    Attempt {
        id: id.parse().unwrap(),
        claim: Claim {
            evidence: Some(Evidence {
                listed: vec![listed],
                ..Evidence::default()
            }),
            ..Claim::default()
        },
        ..attempt(pem, "")
    }
}

fn verdict(records: &[Record]) -> Option<Verdict> {
    records.iter().find_map(|record| match record {
        Record::Enrolment(EnrolmentRecord::Decided(decided)) => Some(decided.verdict),
        _ => None,
    })
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
        (Some(Pended), "OTHER", "", Outcome::Denied, Some(Denied)),
        (Some(Pended), "OTHER", "sign", Outcome::Denied, Some(Denied)),
        (Some(Accepted), "KEY", "", Outcome::Accepted, None),
        (
            Some(Accepted),
            "OTHER",
            "sign",
            Outcome::Denied,
            Some(Denied),
        ),
        (Some(Rejected), "KEY", "sign", Outcome::Refused, None),
    ];
    for (before, pem, claim, outcome, change) in cases {
        let (records, told) = Desk::new(before).decide(&attempt(pem, claim));
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
    let mut desk = Desk::new(Some(KeyChange::Rejected));
    desk.is_open = true;
    assert_eq!(desk.decide(&attempt("OTHER", "")).1, Outcome::Accepted);
}

#[test]
fn a_full_house_changes_nothing() {
    let mut attempt = attempt("KEY", "sign");
    attempt.is_over_max = true;
    let (records, told) = Desk::new(None).decide(&attempt);
    assert_eq!((records.len(), told), (1, Outcome::Full));
}

#[test]
fn a_denied_key_is_an_alarm_and_recorded_once_a_minute() {
    let mut desk = Desk::new(Some(KeyChange::Accepted));
    let (records, told) = desk.decide(&attempt("OTHER", ""));
    assert_eq!(
        (verdict(&records), told),
        (Some(Verdict::SecondKey), Outcome::Denied)
    );
    assert_eq!(records.len(), 3, "the key, the alarm, salt/auth");
    let (again, told) = desk.decide(&attempt("THIRD", ""));
    assert_eq!(
        (again.len(), told),
        (0, Outcome::Denied),
        "a flood fills no log"
    );
    desk.now = desk.now.plus_secs(60);
    let (later, _) = desk.decide(&attempt("THIRD", ""));
    assert_eq!(verdict(&later), Some(Verdict::SecondKey));
    let id = "web01".parse().unwrap();
    assert_eq!(desk.enrolment.alarm_of(&id).unwrap().count, 2);
    assert_eq!(
        desk.keys.get(&id).unwrap().pem,
        "KEY",
        "the first is untouched"
    );
}

#[test]
fn a_listed_value_lets_one_minion_in_for_ever() {
    let mut desk = Desk::new(None);
    let (records, told) = desk.decide(&claiming("a", "A", "u-1"));
    assert_eq!(
        (verdict(&records), told),
        (Some(Verdict::Enrolled), Outcome::Accepted)
    );
    let (records, told) = desk.decide(&claiming("b", "B", "U-1"));
    assert_eq!(
        (verdict(&records), told),
        (Some(Verdict::Waits), Outcome::Pending)
    );
    let waiting = desk.enrolment.waiting(&"b".parse().unwrap()).unwrap();
    assert!(
        waiting.failed[0].why.contains("used before by a"),
        "{waiting:?}"
    );
    // Deleting the key does not give the value back: whoever stole it has it still.
    let id: MinionId = "a".parse().unwrap();
    desk.keys.apply(&KeyChanged {
        id: id.clone(),
        change: KeyChange::Deleted,
        pem: String::new(),
        by: "root".into(),
    });
    assert_eq!(desk.decide(&claiming("a", "A", "u-1")).1, Outcome::Pending);
    let released = EnrolmentRecord::Released {
        claim: desk.enrolment.claims_of("u-1").remove(0),
        by: "root".into(),
    };
    desk.enrolment.apply(desk.now, &released);
    assert_eq!(desk.decide(&claiming("b", "B", "u-1")).1, Outcome::Accepted);
}

#[test]
fn a_reason_is_recorded_once_and_again_when_it_changes() {
    let mut desk = Desk::new(None);
    let mut stranger = claiming("a", "A", "u-1");
    stranger.claim.evidence.as_mut().unwrap().listed[0].is_listed = false;
    assert_eq!(verdict(&desk.decide(&stranger).0), Some(Verdict::Waits));
    assert_eq!(verdict(&desk.decide(&stranger).0), None);
    stranger.claim.evidence.as_mut().unwrap().is_in_network = Some(false);
    assert_eq!(verdict(&desk.decide(&stranger).0), Some(Verdict::Waits));
}

#[test]
fn a_stranger_that_was_faster_keeps_no_node_out() {
    let mut desk = Desk::new(None);
    let mut stranger = claiming("node", "STRANGER", "guess");
    stranger.claim.evidence.as_mut().unwrap().listed[0].is_listed = false;
    assert_eq!(desk.decide(&stranger).1, Outcome::Pending);
    assert_eq!(
        desk.decide(&claiming("node", "NODE", "u-1")).1,
        Outcome::Accepted
    );
    assert_eq!(desk.decide(&stranger).1, Outcome::Denied);
}

#[test]
fn a_rebuilt_node_replaces_its_key_only_where_allowed_and_when_the_old_is_gone() {
    let mut desk = Desk::new(None);
    desk.decide(&claiming("node", "OLD", "u-1"));
    let mut rebuilt = claiming("node", "NEW", "u-1");
    rebuilt.is_old_gone = true;
    assert_eq!(desk.decide(&rebuilt).1, Outcome::Denied, "nobody allows it");
    desk.terms.allows_rebuild = true;
    rebuilt.is_old_gone = false;
    assert_eq!(
        desk.decide(&rebuilt).1,
        Outcome::Pending,
        "asked again later"
    );
    rebuilt.is_old_gone = true;
    let (records, told) = desk.decide(&rebuilt);
    assert_eq!(
        (verdict(&records), told),
        (Some(Verdict::Replaced), Outcome::Accepted)
    );
    let changes: Vec<KeyChange> = records
        .iter()
        .filter_map(|record| match record {
            Record::KeyChanged(changed) => Some(changed.change),
            _ => None,
        })
        .collect();
    assert_eq!(changes, [KeyChange::Deleted, KeyChange::Accepted]);
    let thief = Attempt {
        is_old_gone: true,
        ..claiming("node", "THIEF", "u-2")
    };
    desk.decide(&claiming("other", "X", "u-2"));
    assert_eq!(desk.decide(&thief).1, Outcome::Denied, "not its own value");
}

#[test]
fn cve_2025_62349_a_key_that_spoke_a_newer_protocol_is_refused_with_an_older() {
    let mut desk = Desk::new(Some(KeyChange::Accepted));
    let id: MinionId = "web01".parse().unwrap();
    let spoke = crate::keys::decide::on_spoken(&desk.keys, &id, 3).unwrap();
    desk.keys.apply(&spoke);
    let older = Attempt {
        version: 0,
        ..attempt("KEY", "")
    };
    let (records, told) = desk.decide(&older);
    assert_eq!(
        (verdict(&records), told),
        (Some(Verdict::Downgraded), Outcome::Downgraded)
    );
    assert!(crate::keys::decide::on_spoken(&desk.keys, &id, 2).is_none());
    desk.keys.apply(&KeyChanged {
        change: KeyChange::VersionReset,
        ..spoke
    });
    assert_eq!(desk.decide(&older).1, Outcome::Accepted);
}

#[test]
fn too_many_waiting_keys_are_not_kept() {
    let mut desk = Desk::new(Some(KeyChange::Pended));
    desk.terms.pending_max = 1;
    let other = Attempt {
        id: "other".parse().unwrap(),
        ..attempt("OTHER", "")
    };
    let (records, told) = desk.decide(&other);
    assert_eq!((records.len(), told), (0, Outcome::Crowded));
    assert_eq!(desk.decide(&attempt("KEY", "")).1, Outcome::Pending);
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
        // As python: the anchors bind to the outer branches only.
        ("we|db", true),
        ("db|we", false),
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
        autosign::matching_grain(&grains, false, read).as_deref(),
        Some("uuid")
    );
    let other = |_: &str| Some("u-2".to_owned());
    assert_eq!(autosign::matching_grain(&grains, false, other), None);
}

#[test]
fn a_published_value_accepts_in_a_laboratory_only() {
    let published = crate::enrolment::published::values().remove(3);
    let grains = Map::from([("uuid", published.as_str())]);
    let read = |_: &str| Some(published.clone());
    assert_eq!(autosign::matching_grain(&grains, false, read), None);
    assert!(autosign::matching_grain(&grains, true, read).is_some());
}

#[test]
fn a_number_is_on_no_list_under_legacy() {
    let grains = Map::from([("rack", model::Value::Int(5))]);
    let read = |_: &str| Some("5".to_owned());
    assert_eq!(autosign::matching_grain(&grains, false, read), None);
}
