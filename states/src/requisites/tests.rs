//! What a requisite finds, and what Salt says when it finds nothing.

use super::*;

fn chunk(state: &str, id: &str, requisites: &[(&str, &[(&str, &str)])]) -> LowChunk {
    let mut args = Map::new();
    for (kind, references) in requisites {
        let list = references.iter().map(|(state, target)| match *state {
            "" => Value::str(*target),
            state => Value::Map(Map::from([(state, *target)])),
        });
        args.insert(*kind, list.collect::<Value>());
    }
    LowChunk {
        state: state.into(),
        fun: "run".into(),
        id: id.into(),
        name: format!("name-of-{id}"),
        sls: "orch.test".into(),
        args,
        ..LowChunk::default()
    }
}

fn targets(chunks: &[LowChunk]) -> Vec<(usize, usize)> {
    let edges = graph(chunks).expect("all of them exist");
    edges.iter().map(|edge| (edge.from, edge.to)).collect()
}

#[test]
fn a_reference_is_an_id_a_name_a_glob_an_sls_or_bare() {
    for reference in [
        ("salt", "a"),
        ("salt", "name-of-a"),
        ("salt", "name*a"),
        ("salt.state", "a"),
        ("id", "a"),
        ("", "a"),
    ] {
        let chunks = [
            chunk("salt", "a", &[]),
            chunk("salt", "b", &[("require", &[reference])]),
        ];
        assert_eq!(targets(&chunks), [(1, 0)], "{reference:?}");
    }
}

#[test]
fn an_sls_reference_means_every_chunk_of_it() {
    let mut last = chunk("salt", "c", &[("require", &[("sls", "orch.*")])]);
    last.sls = "other".into();
    let chunks = [chunk("salt", "a", &[]), chunk("cmd", "b", &[]), last];
    assert_eq!(targets(&chunks), [(2, 0), (2, 1)]);
}

#[test]
fn an_unknown_requisite_is_named_in_salts_words() {
    let requisites: &[(&str, &[(&str, &str)])] = &[
        ("require", &[("pkg", "x"), ("", "y")]),
        ("watch", &[("sls", "z")]),
    ];
    let error = graph(&[chunk("salt", "a", requisites)]).expect_err("nothing exists");
    assert_eq!(
        error.problems[0].comment,
        "The following requisites were not found:\n                   \
         require:\n                       \
         pkg: x\n                       id: y\n                   watch:\n                       \
          sls: z\n"
    );
}

#[test]
fn an_empty_sls_that_was_read_satisfies() {
    let chunks = [chunk("salt", "a", &[("require", &[("sls", "empty")])])];
    assert!(resolve(&chunks, &["empty".into()]).problems.is_empty());
    assert!(!resolve(&chunks, &[]).problems.is_empty());
}

#[test]
fn the_chunk_that_closes_a_circle_is_recursive() {
    let chunks = [
        chunk("salt", "a", &[("require", &[("salt", "b")])]),
        chunk("salt", "b", &[("require", &[("salt", "c")])]),
        chunk("salt", "c", &[("onchanges", &[("salt", "a")])]),
    ];
    let problems = resolve(&chunks, &[]).problems;
    let found: Vec<_> = problems
        .iter()
        .map(|p| (p.chunk, p.comment.as_str()))
        .collect();
    assert_eq!(found, [(2, "Recursive requisite found")]);
}

#[test]
fn a_prereq_and_a_require_in_the_same_direction_are_no_circle() {
    let chunks = [
        chunk("salt", "stop", &[("prereq", &[("salt", "deploy")])]),
        chunk("salt", "deploy", &[("require", &[("salt", "stop")])]),
    ];
    assert_eq!(targets(&chunks), [(0, 1), (1, 0)]);
}

#[test]
fn listen_neither_waits_nor_must_exist() {
    let chunks = [
        chunk(
            "salt",
            "a",
            &[("listen", &[("salt", "b"), ("salt", "gone")])],
        ),
        chunk("salt", "b", &[("require", &[("salt", "a")])]),
    ];
    assert_eq!(targets(&chunks), [(0, 1), (1, 0)]);
}

#[test]
fn a_listen_in_is_the_other_ends_listen() {
    let chunks = [
        chunk("salt", "a", &[("listen_in", &[("salt", "b")])]),
        chunk("salt", "b", &[]),
    ];
    let edges = graph(&chunks).expect("b exists");
    assert_eq!(
        edges,
        [Edge {
            kind: RequisiteKind::Listen,
            from: 1,
            to: 0
        }]
    );
}
