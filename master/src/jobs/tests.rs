//! What returns, questions and silence mean for a job.

use std::collections::HashMap;

use model::api::MinionPhase;
use model::target::TargetType;
use model::{Cursor, Jid, JobReturn, Map, MinionId, Timestamp, Value};

use super::collect::{self, Patience, Presence};
use super::*;
use crate::keys::{self, KeyChange, KeyChanged};
use crate::ledger::{Effect, Record};
use crate::minions::{self, Sign};

const PATIENCE: Patience = Patience {
    timeout_secs: 5,
    gather_job_timeout_secs: 10,
};
const JOB: &str = "20261121081655000000";

pub(super) fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(1_000_000 + secs)
}

fn id(text: &str) -> MinionId {
    text.parse().unwrap()
}

pub(super) fn job(step: bool) -> JobPublished {
    let run: Jid = "20261121081600000000".parse().unwrap();
    JobPublished {
        jid: JOB.parse().unwrap(),
        fun: "state.apply".into(),
        arg: vec![],
        tgt: "*".into(),
        tgt_type: TargetType::Glob,
        ret: String::new(),
        user: "root".into(),
        extra: Map::new(),
        minions: vec![id("a"), id("b")],
        missing: vec![],
        step: step.then_some(StepRef { run, step: 0 }),
        hides_output: false,
        secret: None,
        probes: None,
        asks_boot: false,
    }
}

fn view(step: bool) -> View {
    let mut view = View::default();
    view.published(&job(step), Cursor(1), at(0));
    view
}

fn ret(from: &str, retcode: i64) -> JobReturn {
    JobReturn {
        id: id(from),
        jid: JOB.parse().unwrap(),
        fun: "state.apply".into(),
        ret: Value::Bool(true),
        retcode: retcode.into(),
        success: None,
        out: None,
        load: Map::new(),
    }
}

pub(super) fn accepted() -> keys::View {
    let mut keys = keys::View::default();
    for name in ["a", "b"] {
        let change = KeyChange::Accepted;
        keys.apply(&KeyChanged {
            id: id(name),
            change,
            pem: "K".into(),
            by: "x".into(),
        });
    }
    keys
}

fn phase(view: &View, of: &str) -> MinionPhase {
    view.get(&JOB.parse().unwrap()).unwrap().minions[&id(of)].phase
}

/// Fires the job's timer and takes in what it says; gives the functions that were sent, with their
/// targets.
fn fire(view: &mut View, presence: &Presence, secs: u64) -> Vec<String> {
    fire_at(view, presence, &minions::View::default(), secs)
}

fn fire_at(
    view: &mut View,
    presence: &Presence,
    minions: &minions::View,
    secs: u64,
) -> Vec<String> {
    let mut count = 0;
    let mut next_jid = || {
        count += 1;
        Jid::at(Timestamp(at(secs).0 + count))
    };
    let moment = collect::Moment {
        presence,
        minions,
        master_start: at(0),
        now: at(secs),
    };
    let (records, effects) = collect::on_timer(
        view,
        &JOB.parse().unwrap(),
        &moment,
        PATIENCE,
        &mut next_jid,
    );
    for record in &records {
        match record {
            Record::MinionEnded(ended) => view.ended(ended, at(secs)),
            Record::JobPublished(probe) => view.published(probe, Cursor(9), at(secs)),
            Record::JobSending { jid, again } => view.sending(jid, again, Cursor(8)),
            other => panic!("{other:?}"),
        }
    }
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Send { job, again } => {
                view.sent(&job.jid, again, &[]);
                Some(format!("{} {}", job.fun.to_text(), job.tgt.to_text()))
            }
            _ => None,
        })
        .collect()
}

fn present(last_seen: Option<u64>, is_connected: bool) -> Presence {
    let sign = Sign {
        last_seen: last_seen.map(at),
        is_connected,
        may_hear: is_connected,
    };
    HashMap::from([(id("a"), sign), (id("b"), sign)])
}

fn absent(view: &mut View, who: &str) {
    view.absent(&JOB.parse().unwrap(), &id(who));
}

/// A minion says that it started; that stands at this place in the log.
fn start(view: &mut View, who: &str, cursor: u64) -> Vec<Record> {
    let records =
        restarts::on_minion_start(view, &minions::View::default(), &id(who), "Minion started");
    for record in &records {
        let Record::JobDoubted { jid, id, said } = record else {
            panic!("{record:?}")
        };
        view.doubted(jid, id, said, Cursor(cursor));
    }
    records
}

/// A minion answers a question that stands at this place in the log; gives what is concluded.
fn answer(view: &mut View, who: &str, question: u64, has_job: bool) -> Vec<Record> {
    let mut probe = job(true);
    probe.jid = Jid::at(Timestamp(at(0).0 + question));
    probe.probes = Some(JOB.parse().unwrap());
    view.published(&probe, Cursor(question), at(0));
    let mut ret = ret(who, 0);
    ret.jid = probe.jid;
    ret.ret = match has_job {
        true => Map::from([("pid", 7)]).into(),
        false => Map::new().into(),
    };
    let records = decide::on_return(view, &accepted(), ret);
    for record in &records {
        match record {
            Record::JobRunning { jid, id } => view.running(jid, id, at(6)),
            Record::JobAbsent { jid, id } => view.absent(jid, id),
            _ => {}
        }
    }
    records
}

#[test]
fn a_second_return_changes_nothing() {
    let mut view = view(false);
    let keys = accepted();
    assert_eq!(decide::on_return(&view, &keys, ret("a", 0)).len(), 1);
    view.returned(&ret("a", 0), Cursor(2), at(1));
    assert_eq!(decide::on_return(&view, &keys, ret("a", 1)), []);
    assert_eq!(phase(&view, "a"), MinionPhase::Ok);
}

#[test]
fn a_return_of_a_stranger_or_of_an_unknown_job_is_forgotten() {
    let view = view(false);
    assert_eq!(
        decide::on_return(&view, &keys::View::default(), ret("a", 0)),
        []
    );
    let mut unknown = ret("a", 0);
    unknown.jid = "20260101000000000000".parse().unwrap();
    assert_eq!(decide::on_return(&view, &accepted(), unknown), []);
}

#[test]
fn a_late_return_replaces_a_guess() {
    let mut view = view(false);
    fire(&mut view, &present(None, false), 20);
    view.returned(&ret("a", 0), Cursor(2), at(99));
    assert_eq!(phase(&view, "a"), MinionPhase::Ok);
}

#[test]
fn those_that_have_not_answered_are_asked() {
    let mut view = view(false);
    view.returned(&ret("a", 0), Cursor(2), at(1));
    let sent = fire(&mut view, &present(Some(1), true), 5);
    assert_eq!(sent, ["saltutil.find_job ['b']"]);
}

#[test]
fn a_minion_that_is_at_work_is_waited_for_without_end() {
    let mut view = view(true);
    view.running(&JOB.parse().unwrap(), &id("a"), at(6));
    for secs in [60, 600, 6000] {
        fire(&mut view, &present(Some(6), true), secs);
        assert_eq!(phase(&view, "a"), MinionPhase::Running, "after {secs} s");
    }
}

#[test]
fn one_late_answer_loses_nobody() {
    let mut view = view(true);
    absent(&mut view, "a");
    assert_eq!(
        fire(&mut view, &present(Some(6), true), 15),
        ["saltutil.find_job ['a', 'b']"]
    );
}

#[test]
fn a_minion_that_has_it_not_gets_it_again_and_in_the_end_is_lost() {
    let mut view = view(true);
    for round in 1..=3 {
        absent(&mut view, "a");
        absent(&mut view, "a");
        let sent = fire(&mut view, &present(Some(20 * round), true), 20 * round + 5);
        assert_eq!(sent[0], "state.apply ['a']", "round {round}");
    }
    absent(&mut view, "a");
    absent(&mut view, "a");
    fire(&mut view, &present(Some(80), true), 85);
    assert_eq!(phase(&view, "a"), MinionPhase::Lost);
}

#[test]
fn what_was_not_heard_is_sent_again_when_the_minion_is_back() {
    let mut view = view(true);
    let jid: Jid = JOB.parse().unwrap();
    view.sent(&jid, &[], &[id("a")]);
    let sent = fire(&mut view, &present(Some(1), false), 5);
    assert_eq!(sent, ["saltutil.find_job ['a', 'b']"]);
    let sent = fire(&mut view, &present(Some(6), true), 7);
    assert_eq!(sent, ["state.apply ['a']", "saltutil.find_job ['b']"]);
    let sent = fire(&mut view, &present(Some(6), true), 17);
    assert_eq!(sent, ["saltutil.find_job ['a', 'b']"]);
}

// Found by a seed: behind one address a minion that had not spoken yet heard a job, signed in to
// read it, and restarted; a disk was wiped twice.
#[test]
fn who_heard_unseen_and_restarted_does_not_get_it_again() {
    let mut view = View::default();
    view.published(&job(true), Cursor(4), at(0));
    view.sent(&JOB.parse().unwrap(), &[], &[id("a")]);
    let fired = |minions: &minions::View| {
        fire_at(&mut view.clone(), &present(Some(6), true), minions, 7)[0].clone()
    };
    let signed_in = |cursors: &[u64]| {
        let mut minions = minions::View::default();
        minions.master_started(Cursor(0));
        for cursor in cursors {
            minions.signed_in(&id("a"), Cursor(*cursor));
        }
        minions
    };
    let mut minions = signed_in(&[5]);
    assert_eq!(fired(&minions), "state.apply ['a']", "the same process");
    minions.refreshed(&id("a"), Cursor(6));
    minions.signed_in(&id("a"), Cursor(7));
    assert_eq!(fired(&minions), "state.apply ['a']", "it began after it");
    let known = signed_in(&[2, 5, 7]);
    assert_eq!(fired(&known), "state.apply ['a']", "its address was known");
    let mut minions = signed_in(&[5, 7]);
    minions.refreshed(&id("a"), Cursor(8));
    assert_eq!(fired(&minions), "saltutil.find_job ['a', 'b']");
    let doubted = restarts::on_minion_start(&view, &minions, &id("a"), "started");
    assert_eq!(doubted.len(), 1);
}

// Found by a seed: the connection of a neighbour was not known, so nobody seemed to hear the job.
#[test]
fn who_was_seen_at_work_had_heard_the_job() {
    let mut view = View::default();
    view.published(&job(true), Cursor(4), at(0));
    let jid: Jid = JOB.parse().unwrap();
    view.sent(&jid, &[], &[id("a")]);
    view.running(&jid, &id("a"), at(1));
    let sent = fire(&mut view, &present(Some(6), true), 7);
    assert_eq!(sent, ["saltutil.find_job ['a', 'b']"]);
}

#[test]
fn a_new_boot_ends_what_the_boot_before_had() {
    let minions = minions::View::default();
    let ended = |view: &View, signed_in: u64| {
        let ended = boots::on_new_boot((view, &minions), &id("a"), Cursor(signed_in), "new");
        ended.len()
    };
    // The job stands at 1. Whether it went out is not known: the master died in between.
    let mut view = view(true);
    assert_eq!(ended(&view, 5), 1);
    assert_eq!(ended(&view, 0), 0, "it may be of the new boot");
    // The first sign-in since the last boot was told was still of that one.
    start(&mut view, "a", 6);
    assert_eq!(ended(&view, 0), 0, "nobody was asked yet");
    absent(&mut view, "a");
    assert_eq!(ended(&view, 0), 1);
    view.sent(&JOB.parse().unwrap(), &[], &[id("a")]);
    assert_eq!(ended(&view, 5), 0, "nobody heard it");
}

#[test]
fn who_was_not_heard_of_since_the_master_started_did_not_get_it() {
    let mut view = view(true);
    // The shared key is new: whoever had heard the job would have signed in again.
    let sent = fire(&mut view, &present(None, false), 5);
    assert_eq!(sent[0], "state.apply ['a', 'b']");
}

// Each connection that opens after a restart hurries the look: four sendings in two seconds were
// seen before a minion had read the first.
#[test]
fn sendings_to_who_has_to_sign_in_first_do_not_use_up_its_chances() {
    let mut view = view(true);
    for second in 5..15 {
        let sent = fire(&mut view, &present(None, true), second);
        assert_eq!(sent[0], "state.apply ['a', 'b']");
        view.sent(&JOB.parse().unwrap(), &[id("a"), id("b")], &[]);
    }
    for _ in 0..2 {
        view.absent(&JOB.parse().unwrap(), &id("a"));
    }
    let sent = fire(&mut view, &present(Some(16), true), 17);
    assert_eq!(sent[0], "state.apply ['a']", "it is not given up");
}

#[test]
fn a_job_from_before_the_master_started_is_asked_about_first() {
    let view = view(true);
    let mut next_jid = || Jid::at(at(77));
    let presence = present(None, false);
    let mut minions = minions::View::default();
    minions.master_started(Cursor(2));
    let moment = collect::Moment {
        presence: &presence,
        minions: &minions,
        // The wall clock went back while the master was down: by its time the job is younger.
        master_start: at(0),
        now: at(5),
    };
    let (_, effects) = collect::on_timer(
        &view,
        &JOB.parse().unwrap(),
        &moment,
        PATIENCE,
        &mut next_jid,
    );
    let Some(Effect::Send { job, .. }) = effects.first() else {
        panic!("{effects:?}")
    };
    assert_eq!(job.fun.to_text(), "saltutil.find_job");
}

#[test]
fn silence_ends_a_command_soon_and_a_step_late() {
    let (mut command, mut step) = (view(false), view(true));
    fire(&mut command, &present(Some(1), false), 30);
    fire(&mut step, &present(Some(1), false), 30);
    assert_eq!(phase(&command, "a"), MinionPhase::Lost);
    assert_eq!(phase(&step, "a"), MinionPhase::Waiting);
    fire(&mut step, &present(Some(1), false), 900);
    assert_eq!(phase(&step, "a"), MinionPhase::Lost);
}

#[test]
fn a_start_ends_what_the_minion_had_not_returned() {
    let mut view = view(true);
    view.returned(&ret("b", 0), Cursor(2), at(1));
    assert_eq!(
        restarts::on_minion_start(
            &view,
            &minions::View::default(),
            &id("b"),
            "Minion b started"
        ),
        []
    );
    start(&mut view, "a", 10);
    assert_eq!(phase(&view, "a"), MinionPhase::Waiting, "it is asked first");
    for probe in [11, 12] {
        answer(&mut view, "a", probe, false);
        fire(&mut view, &present(Some(9), true), probe);
    }
    assert_eq!(phase(&view, "a"), MinionPhase::Rebooted);
    assert!(view.get(&JOB.parse().unwrap()).unwrap().has_ended());
}

#[test]
fn a_job_that_a_minion_heard_before_it_said_that_it_started_goes_on() {
    let mut view = view(true);
    start(&mut view, "a", 10);
    answer(&mut view, "a", 11, true);
    assert_eq!(phase(&view, "a"), MinionPhase::Running);
    answer(&mut view, "a", 12, false);
    fire(&mut view, &present(Some(9), true), 13);
    assert_eq!(phase(&view, "a"), MinionPhase::Running, "its return comes");
}

#[test]
fn an_answer_from_before_a_start_counts_no_more() {
    let mut view = view(true);
    answer(&mut view, "a", 5, false);
    start(&mut view, "a", 10);
    // The question went out before the start; whoever answered it is gone.
    answer(&mut view, "a", 7, true);
    assert_eq!(phase(&view, "a"), MinionPhase::Waiting);
    answer(&mut view, "a", 11, false);
    fire(&mut view, &present(Some(9), true), 12);
    assert_eq!(phase(&view, "a"), MinionPhase::Waiting, "one answer since");
}

#[test]
fn what_no_connection_can_have_heard_is_not_doubted() {
    let mut view = view(true);
    view.sent(&JOB.parse().unwrap(), &[], &[id("a")]);
    assert_eq!(
        restarts::on_minion_start(&view, &minions::View::default(), &id("a"), "started"),
        []
    );
    let sent = fire(&mut view, &present(Some(9), true), 12);
    assert_eq!(sent[0], "state.apply ['a']");
}

#[test]
fn a_start_that_is_told_late_doubts_nothing_that_was_sent_since() {
    let view = view(true);
    let doubted = |refreshed: u64| {
        let mut minions = minions::View::default();
        minions.refreshed(&id("a"), Cursor(refreshed));
        restarts::on_minion_start(&view, &minions, &id("a"), "started").len()
    };
    // The job stands at 1.
    assert_eq!(
        doubted(0),
        0,
        "the process that asked before is the one that heard it"
    );
    assert_eq!(doubted(2), 1, "the process is new, or may be");
}

#[test]
fn a_pillar_that_is_asked_for_without_a_sign_in_is_no_new_process() {
    let view = view(true);
    let mut minions = minions::View::default();
    minions.signed_in(&id("a"), Cursor(0));
    // Its first request was lost, and is told again once the job (at 1) has gone out.
    minions.refreshed(&id("a"), Cursor(5));
    let doubted = |minions: &minions::View| {
        restarts::on_minion_start(&view, minions, &id("a"), "started").len()
    };
    assert_eq!(doubted(&minions), 0, "nobody came since");
    minions.signed_in(&id("a"), Cursor(6));
    assert_eq!(doubted(&minions), 1, "somebody may have come since");
}

#[test]
fn what_was_at_work_is_never_sent_again() {
    let mut view = view(true);
    view.running(&JOB.parse().unwrap(), &id("a"), at(6));
    for round in 1..20 {
        absent(&mut view, "a");
        let sent = fire(&mut view, &present(Some(20), true), 20 + round);
        assert_eq!(sent, ["saltutil.find_job ['a', 'b']"], "round {round}");
    }
    absent(&mut view, "a");
    fire(&mut view, &present(Some(20), true), 50);
    assert_eq!(phase(&view, "a"), MinionPhase::Lost);
}

#[test]
fn a_process_that_asked_for_its_pillar_since_the_sending_does_not_get_it_again() {
    let mut view = view(true);
    let mut minions = minions::View::default();
    minions.refreshed(&id("a"), Cursor(5));
    absent(&mut view, "a");
    absent(&mut view, "a");
    let sent = fire_at(&mut view, &present(Some(6), true), &minions, 20);
    assert_eq!(
        sent,
        ["saltutil.find_job ['a', 'b']"],
        "it may be a new one"
    );
    // One that nobody can have heard goes out, and counts from then on.
    let jid: Jid = JOB.parse().unwrap();
    view.sent(&jid, &[id("a")], &[id("a")]);
    let sent = fire_at(&mut view, &present(Some(6), true), &minions, 30);
    assert_eq!(sent[0], "state.apply ['a']");
    absent(&mut view, "a");
    absent(&mut view, "a");
    let sent = fire_at(&mut view, &present(Some(6), true), &minions, 40);
    assert_eq!(sent[0], "state.apply ['a']", "the same process since");
}

#[test]
fn a_minion_that_started_is_asked_soon() {
    let mut view = view(true);
    let records = start(&mut view, "a", 10);
    let hurried = restarts::after_record(&view, &records[0], at(9));
    let Some(Effect::HurryTimer { at: first, .. }) = hurried else {
        panic!("{hurried:?}")
    };
    assert!(first < at(10));
    answer(&mut view, "a", 11, false);
    let told = answer(&mut view, "a", 12, false);
    let hurried = restarts::after_record(&view, &told[0], at(19));
    assert!(matches!(hurried, Some(Effect::HurryTimer { at: now, .. }) if now == at(19)));
}

#[test]
fn what_is_hidden_is_kept_nowhere() {
    let mut ret = ret("a", 0);
    ret.ret = "token abc".into();
    ret.load = Map::from([("return", "token abc")]);
    let kept = decide::hidden(&ret);
    assert!(!format!("{kept:?}").contains("abc"));
    assert_eq!(kept.retcode, ret.retcode);
}

/// Jobs with a return each, of which most have ended so long ago that they are packed.
fn many() -> (View, Vec<Jid>) {
    let mut view = View::default();
    let mut jids = Vec::new();
    for number in 0..200 {
        let jid = Jid::at(at(number));
        let published = JobPublished {
            jid: jid.clone(),
            missing: vec!["c".into()],
            ..job(false)
        };
        view.published(&published, Cursor(10 * number + 1), at(number));
        view.sent(&jid, &[], &[id("b")]);
        for (place, from) in ["stranger", "b", "a"].into_iter().enumerate() {
            let ret = JobReturn {
                jid: jid.clone(),
                ..ret(from, place as i64)
            };
            view.returned(&ret, Cursor(10 * number + 2 + place as u64), at(number + 1));
        }
        jids.push(jid);
    }
    (view, jids)
}

#[test]
fn a_job_of_long_ago_is_told_as_one_of_today() {
    let (view, jids) = many();
    let job = view.get(&jids[0]).unwrap();
    assert_eq!(job.published.minions, [id("a"), id("b")]);
    assert_eq!(job.published.missing, ["c"]);
    let returns: Vec<_> = job.returns.iter().collect();
    let expected = [("stranger", 2), ("b", 3), ("a", 4)];
    let expected = expected.map(|(from, at)| (id(from), Cursor(at)));
    assert_eq!(returns, expected.each_ref().map(|(id, at)| (id, at)));
    assert_eq!(job.minions[&id("a")].phase, MinionPhase::Failed);
    assert!(job.unheard.contains(&id("b")) && job.has_ended());
    assert!(view.open().next().is_none());
    assert_eq!(view.oldest_needed(), Some(Cursor(0)));
}

#[test]
fn a_snapshot_of_packed_jobs_is_the_same_view() {
    let (mut view, jids) = many();
    let bytes = rmp_serde::to_vec_named(&view).unwrap();
    let mut again: View = rmp_serde::from_slice(&bytes).unwrap();
    let late = |view: &mut View| {
        let ret = JobReturn {
            jid: jids[0].clone(),
            ..ret("late", 0)
        };
        view.returned(&ret, Cursor(9000), at(9000));
        view.forget(at(100), &|_| false);
    };
    late(&mut view);
    late(&mut again);
    for jid in &jids {
        let told = |view: &View| view.get(jid).map(|job| format!("{job:?}"));
        assert_eq!(told(&view), told(&again), "{jid}");
    }
    assert_eq!(view.oldest_needed(), again.oldest_needed());
}
