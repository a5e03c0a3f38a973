//! Who is meant by what.

use super::*;
use crate::Map;

fn is_meant(tgt_type: TargetType, tgt: &str) -> bool {
    let id: MinionId = "web01".parse().unwrap();
    let grains = Grains(Map::from([
        ("os", Value::str("SUSE")),
        (
            "roles",
            Value::List(vec![Value::str("db"), Value::str("web")]),
        ),
        ("ipv4", Value::List(vec![Value::str("10.0.0.7")])),
    ]));
    let pillar: Value =
        Map::from([("cluster", Value::Map(Map::from([("role", "worker")])))]).into();
    let candidate = Candidate {
        id: &id,
        grains: Some(&grains),
        pillar: Some(&pillar),
    };
    Target {
        tgt: Value::str(tgt),
        tgt_type,
    }
    .matches(candidate)
    .unwrap()
}

#[test]
fn each_type_reads_its_own_way() {
    let cases = [
        (TargetType::Glob, "web*", true),
        (TargetType::Pcre, "web\\d+", true),
        (TargetType::List, "db01,web01", true),
        (TargetType::List, "db01", false),
        (TargetType::Grain, "os:su*", true),
        (TargetType::Grain, "roles:web", true),
        (TargetType::GrainPcre, "os:(suse|debian)", true),
        (TargetType::Pillar, "cluster:role:worker", true),
        (TargetType::PillarExact, "cluster:role:work*", false),
        (TargetType::Ipcidr, "10.0.0.0/24", true),
        (TargetType::Ipcidr, "10.1.0.0/24", false),
    ];
    for (tgt_type, tgt, expected) in cases {
        assert_eq!(is_meant(tgt_type, tgt), expected, "{tgt_type:?} {tgt}");
    }
}

#[test]
fn a_compound_binds_not_then_and_then_or() {
    let cases = [
        ("web* and G@os:SUSE", true),
        ("db* or web*", true),
        ("not web*", false),
        ("db* and web* or web*", true),
        ("not ( db* or E@x ) and L@web01,web02", true),
    ];
    for (tgt, expected) in cases {
        assert_eq!(is_meant(TargetType::Compound, tgt), expected, "{tgt}");
    }
}

#[test]
fn a_regex_that_calls_a_group_is_refused_as_python_does() {
    for tgt in [
        r"a\g00",
        r"(a)\g<1>",
        r"(a)(?1)",
        r"(a)(?-1)",
        "a(?R)?",
        "(?P<n>a)(?P>n)",
        "(?P<n>a)(?&n)",
    ] {
        for tgt_type in [TargetType::Pcre, TargetType::GrainPcre] {
            let tgt = match tgt_type {
                TargetType::GrainPcre => format!("os:{tgt}"),
                _ => tgt.to_owned(),
            };
            assert!(is_refused(tgt_type, &tgt), "{tgt_type:?} {tgt}");
        }
    }
    for tgt in [
        r"web\\g01",
        r"web(?i:01)",
        r"(?P<n>web)01",
        r"web(?=0)\d\d",
        "(?-i:web)01",
    ] {
        assert!(!is_refused(TargetType::Pcre, tgt), "{tgt}");
    }
}

fn is_refused(tgt_type: TargetType, tgt: &str) -> bool {
    let target = Target {
        tgt: Value::str(tgt),
        tgt_type,
    };
    let id = "web01".parse().expect("an id");
    let grains = Grains(Map::from([("os", "SUSE")]));
    let candidate = Candidate {
        id: &id,
        grains: Some(&grains),
        pillar: None,
    };
    target.matches(candidate).is_err()
}
