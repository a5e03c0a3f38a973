//! Runs that an older release began open for ever: `testdata/runs/` keeps every record of whole
//! runs, as bytes of the log.
//!
//! A file is written once, by `RENEW=1 cargo test -p orch --test kept_runs`, and never changed:
//! that command leaves those that exist alone. What a run adds up to (each step's phase, how its
//! minions ended, its comment) stands beside it as text and must stay the same.

#![expect(
    clippy::disallowed_methods,
    reason = "the kept bytes are files, written once"
)]

mod transcripts {
    #[expect(dead_code, reason = "the text is for the suite of transcripts")]
    pub(crate) mod player;
}

use std::path::{Path, PathBuf};

use model::{Cursor, Timestamp};
use orch::{Context, Effect, Fact, Run, RunRecord, recovery};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/runs")
}

/// Writes down what a run adds up to.
fn sum(run: &Run) -> String {
    let view = run.view();
    let mut text = format!("{:?}, resumed {}\n", view.summary.phase, view.resumed);
    for step in &view.tree {
        let minions: Vec<String> = step
            .minions
            .iter()
            .map(|(id, phase)| format!("{id} {phase:?}"))
            .collect();
        let ret = step.ret.as_ref();
        let said = ret.map(|ret| (ret.result, ret.comment.as_str()));
        text.push_str(&format!(
            "{} {:?} x{} [{}] {said:?}\n",
            step.id,
            step.phase,
            step.attempts,
            minions.join(", ")
        ));
    }
    text
}

#[test]
fn the_kept_runs_of_older_releases_are_read_for_ever() {
    let is_renewed = std::env::var_os("RENEW").is_some();
    if is_renewed {
        keep_new_runs();
    }
    let entries = std::fs::read_dir(folder()).expect("testdata/runs is there");
    let paths = entries.map(|entry| entry.expect("a file").path());
    let kept: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|ext| ext == "msgpack"))
        .collect();
    assert!(kept.len() >= 20, "{kept:?}");
    for path in kept {
        let bytes = std::fs::read(&path).expect("a kept run can be read");
        let records: Vec<RunRecord> = rmp_serde::from_slice(&bytes)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let run = Run::fold(&records)
            .unwrap_or_else(|illegal| panic!("{}: {illegal}", path.display()))
            .expect("a kept run has records");
        let golden = path.with_extension("sum");
        if is_renewed && !golden.exists() {
            std::fs::write(&golden, sum(&run)).expect("testdata can be written");
        }
        let golden = std::fs::read_to_string(golden).expect("a sum stands beside each run");
        assert_eq!(sum(&run), golden, "{}", path.display());
    }
}

#[test]
fn each_targeted_minion_is_in_one_group_and_ends_with_its_step() {
    for (path, run) in beginnings() {
        for (step, state) in run.view().tree.iter().zip(run.steps()) {
            let counts = step.counts();
            let last = state.attempts.last();
            let targeted = last.map_or(0, |last| last.minions.len() + last.missing.len());
            assert_eq!(counts.targeted(), targeted, "{}", path.display());
            if step.phase.has_ended() {
                assert_eq!(counts.ended(), targeted, "{}: {step:#?}", path.display());
            }
        }
    }
}

/// Gives every beginning of every kept run.
fn beginnings() -> Vec<(PathBuf, Run)> {
    let mut beginnings = Vec::new();
    for entry in std::fs::read_dir(folder()).expect("testdata/runs is there") {
        let path = entry.expect("a file").path();
        if path.extension().is_none_or(|ext| ext != "msgpack") {
            continue;
        }
        let bytes = std::fs::read(&path).expect("a kept run can be read");
        let records: Vec<RunRecord> = rmp_serde::from_slice(&bytes).expect("a kept run");
        for count in 1..=records.len() {
            let run = Run::fold(&records[..count]).expect("a legal run");
            beginnings.push((path.clone(), run.expect("a run has records")));
        }
    }
    beginnings
}

#[test]
fn wherever_an_older_release_left_a_run_this_one_takes_it_up() {
    let mut open = 0;
    for (path, run) in beginnings() {
        let mut jids = 0;
        let mut next_jid = || {
            jids += 1;
            format!("202711211000{jids:08}").parse().expect("a jid")
        };
        let mut context = Context {
            now: Timestamp::from_secs(100_000),
            cursor: Cursor(1_000),
            next_jid: &mut next_jid,
        };
        let output = recovery::resume(&run, Timestamp::from_secs(99_000), &mut context);
        let mut resumed = run.clone();
        for record in &output.records {
            let applied = resumed.apply(record);
            assert_eq!(applied, Ok(()), "{}", path.display());
        }
        if run.phase().has_ended() {
            assert_eq!(output.records, []);
            continue;
        }
        open += 1;
        assert!(matches!(output.records[0], RunRecord::Resumed { .. }));
        // What is at work is taken up under the jid it has, never begun once more.
        let begun_before: Vec<_> = run.jids().cloned().collect();
        for effect in &output.effects {
            if let Effect::Publish { jid, .. } = effect {
                assert!(!begun_before.contains(jid), "{}", path.display());
            }
        }
        let fact = Fact::Cancelled { by: "root".into() };
        for record in resumed.on(&fact, &mut context).records {
            assert_eq!(resumed.apply(&record), Ok(()), "{}", path.display());
        }
    }
    assert!(open > 100, "{open}");
}

/// Keeps the runs of the transcripts that are not kept yet.
fn keep_new_runs() {
    let entries = std::fs::read_dir(folder().join("..")).expect("testdata is there");
    for entry in entries {
        let path = entry.expect("a file").path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let (Some(stem), true) = (stem, path.extension().is_some_and(|ext| ext == "txt")) else {
            continue;
        };
        let kept = folder().join(format!("{stem}.msgpack"));
        let text = std::fs::read_to_string(&path).expect("a transcript can be read");
        let records = transcripts::player::records(&text);
        if kept.exists() || records.is_empty() {
            continue;
        }
        let bytes = rmp_serde::to_vec_named(&records).expect("records can be written");
        std::fs::write(&kept, bytes).expect("testdata can be written");
    }
}
