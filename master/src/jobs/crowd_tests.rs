//! What thousands of minions make of a question: it must not cost each of them the ids of all.

use model::api::MinionPhase;
use model::target::Target;
use model::{Cursor, Jid, JobReturn, Map, MinionId, Timestamp, Value};

use super::collect::{self, Patience, Presence};
use super::decide::on_return;
use super::tests::{accepted, at, job};
use super::{JobPublished, View};
use crate::ledger::{Effect, Record};
use crate::minions;

const PATIENCE: Patience = Patience {
    timeout_secs: 5,
    gather_job_timeout_secs: 10,
};

fn crowd(count: usize) -> Vec<MinionId> {
    let ids = (0..count).map(|number| format!("m-{number:05}").parse().unwrap());
    ids.collect()
}

fn view(ids: &[MinionId]) -> View {
    let mut view = View::default();
    let published = JobPublished {
        tgt: "m-*".into(),
        minions: ids.to_vec(),
        ..job(false)
    };
    view.published(&published, Cursor(1), at(0));
    view
}

/// Fires the job's timer; gives what is sent.
fn asked(view: &View, ids: &[MinionId]) -> Vec<JobPublished> {
    let sign = minions::Sign {
        last_seen: Some(at(9)),
        is_connected: true,
        may_hear: true,
    };
    let presence: Presence = ids.iter().map(|id| (id.clone(), sign)).collect();
    let moment = collect::Moment {
        presence: &presence,
        minions: &minions::View::default(),
        master_start: at(0),
        now: at(10),
    };
    let mut next_jid = || Jid::at(Timestamp(at(10).0 + 1));
    let jid = job(false).jid;
    let (_, effects) = collect::on_timer(view, &jid, &moment, PATIENCE, &mut next_jid);
    let sent = effects.into_iter().filter_map(|effect| match effect {
        Effect::Send { job, .. } => Some(*job),
        _ => None,
    });
    sent.collect()
}

#[test]
fn most_of_a_crowd_is_asked_by_the_jobs_own_target() {
    let ids = crowd(150);
    let mut view = view(&ids);
    let asked_all = asked(&view, &ids);
    assert_eq!(asked_all[0].tgt, Value::str("m-*"));
    assert_eq!(asked_all[0].minions, ids);
    for id in &ids[..100] {
        view.ended(
            &super::MinionEnded {
                jid: job(false).jid,
                id: id.clone(),
                phase: MinionPhase::Lost,
                why: String::new(),
            },
            at(10),
        );
    }
    let asked_few = asked(&view, &ids);
    assert_eq!(asked_few[0].tgt, Target::list(&ids[100..]).tgt);
    assert_eq!(asked_few[0].minions, ids[100..]);
}

#[test]
fn a_crowd_that_comes_back_is_not_asked_at_each_connection() {
    let look_after = |count: usize| {
        let effects = collect::on_subscriber(&view(&crowd(count)), at(20));
        match &effects[..] {
            [Effect::HurryTimer { at: look, .. }] => look.millis_since(at(20)),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(look_after(2), 300);
    assert_eq!(look_after(100), 300);
    assert_eq!(look_after(1_000), 3_000);
    assert_eq!(look_after(10_000), 30_000);
}

#[test]
fn who_hears_a_question_that_is_for_others_leaves_no_record() {
    let mut view = View::default();
    let question = JobPublished {
        asks_boot: true,
        ..job(false)
    };
    let question = JobPublished {
        minions: vec!["a".parse().unwrap()],
        ..question
    };
    view.published(&question, Cursor(1), at(0));
    let answer = |from: &str| JobReturn {
        id: from.parse().unwrap(),
        jid: question.jid.clone(),
        fun: "file.read".into(),
        ret: "boot".into(),
        retcode: Value::Int(0),
        success: None,
        out: None,
        load: Map::new(),
    };
    let keys = accepted();
    let of_a = on_return(&view, &keys, answer("a"));
    assert!(matches!(of_a[..], [Record::JobReturned(_)]), "{of_a:?}");
    assert_eq!(on_return(&view, &keys, answer("b")), []);
}
