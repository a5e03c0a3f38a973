//! When minions are asked for their boots, and what the answers make of jobs and start events.

use model::api::MinionPhase;
use model::target::Target;
use model::{Event, Jid, JobReturn, Map, MinionId, Tag, Value};

use super::boots::SYNTHESIZED;
use super::{News, Sign};
use crate::jobs::decide::Request;
use crate::ledger::bench::{Bench, minion};
use crate::ledger::{Effect, Input, Record, TimerKey};

const BOOT_A: &str = "7e4a5d9c-13b7-4a0e-9a39-2f9d0a1c3a55\n";
const BOOT_B: &str = "0b9f3c51-54d0-4f6e-8f39-5f2f2c3d4e5f\n";

fn id() -> MinionId {
    minion("web")
}

impl Bench {
    fn signs_in(&mut self) {
        let data = Map::from([("act", "accept"), ("id", "web")]);
        self.put(Input::Events(vec![(Tag::new("salt/auth"), data)]));
    }

    fn starts(&mut self, said: &str) {
        let data = Map::from([("id", "web"), ("data", said)]);
        self.put(Input::Events(vec![(Tag::minion_start(&id()), data)]));
    }

    /// The timer fires; gives the question that was put.
    fn asks(&mut self) -> Option<(Jid, String)> {
        self.now = self.now.plus_secs(1);
        let sign = Sign {
            last_seen: Some(self.now),
            is_connected: true,
            may_hear: true,
        };
        let before = self.records.len();
        self.put(Input::Timer {
            key: TimerKey::Boots,
            presence: [(id(), sign)].into(),
        });
        self.question(before)
    }

    fn question(&self, before: usize) -> Option<(Jid, String)> {
        self.records[before..]
            .iter()
            .find_map(|record| match record {
                Record::JobPublished(job) if job.asks_boot => {
                    Some((job.jid.clone(), job.fun.to_text()))
                }
                _ => None,
            })
    }

    fn answers(&mut self, jid: &Jid, ret: impl Into<Value>) {
        let ret = ret.into();
        self.put(Input::Return(Box::new(JobReturn {
            id: id(),
            jid: jid.clone(),
            fun: "f".into(),
            retcode: 0.into(),
            success: Some(true.into()),
            out: None,
            load: Map::new(),
            ret,
        })));
    }

    /// The minion signs in, is asked and answers.
    fn tells(&mut self, boot: &str) {
        self.signs_in();
        let (jid, _) = self.asks().expect("it is asked");
        self.answers(&jid, boot);
    }

    fn news(&self) -> Vec<News> {
        let told = self.records.iter().filter_map(|record| match record {
            Record::BootTold(told) => Some(told.news),
            _ => None,
        });
        told.collect()
    }

    fn start_events(&self) -> Vec<Event> {
        let tag = Tag::minion_start(&id());
        let events = self.records.iter();
        let events = events.flat_map(|record| record.events(self.views.head, self.now));
        events.filter(|event| event.tag == tag).collect()
    }
}

#[test]
fn without_the_option_nobody_is_asked_who_only_signs_in() {
    let mut bench = Bench::with(&["web"]);
    bench.policy.boot_ids = false;
    bench.signs_in();
    bench.put(Input::SubscriberAppeared);
    let is_timer = |effect: &Effect| matches!(effect, Effect::HurryTimer { .. });
    assert!(!bench.effects.iter().any(is_timer), "{:?}", bench.effects);
    assert_eq!(bench.asks(), None);
    // A step has to know.
    let before = bench.records.len();
    bench.put(Input::AskBoots(vec![id()]));
    assert!(bench.question(before).is_some());
    bench.now = bench.now.plus_secs(60);
    assert!(bench.asks().is_some(), "no answer came");
}

#[test]
fn whoever_signs_in_is_asked_once_and_quietly() {
    let mut bench = Bench::with(&["web"]);
    bench.signs_in();
    assert!(bench.effects.iter().any(|effect| matches!(
        effect,
        Effect::HurryTimer {
            key: TimerKey::Boots,
            ..
        }
    )));
    let (jid, fun) = bench.asks().unwrap();
    assert_eq!(fun, "file.read");
    assert_eq!(bench.asks(), None, "the answer is waited for");
    bench.answers(&jid, BOOT_A);
    assert_eq!(bench.asks(), None);
    let told = bench.views.minions.present_boot(&id()).unwrap();
    let boot = told.boot.as_ref().unwrap().to_string();
    assert_eq!(boot, format!("boot id {}", BOOT_A.trim()));
    let shown = bench.records.iter().filter(|record| match record {
        Record::JobPublished(job) => !job.events().is_empty(),
        Record::BootTold(told) => told.event().is_some(),
        Record::JobReturned(_) => true,
        _ => false,
    });
    assert_eq!(shown.count(), 0, "nobody sees the question");
}

#[test]
fn an_answer_from_before_a_sign_in_says_nothing() {
    let mut bench = Bench::with(&["web"]);
    bench.signs_in();
    let (first, _) = bench.asks().unwrap();
    bench.signs_in();
    bench.answers(&first, BOOT_A);
    assert_eq!(bench.news(), []);
    assert_eq!(bench.views.minions.present_boot(&id()), None);
    let (second, _) = bench.asks().unwrap();
    bench.answers(&second, BOOT_B);
    assert_eq!(bench.news(), [News::First]);
}

#[test]
fn a_start_that_never_came_is_made_up_once() {
    let mut bench = Bench::with(&["web"]);
    bench.tells(BOOT_A);
    bench.tells(BOOT_B);
    let events = bench.start_events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].data.get(SYNTHESIZED), Some(&true.into()));
    // It came after all, late: told, and marked as the same start.
    bench.starts("Minion web started at noon");
    let events = bench.start_events();
    assert_eq!(
        events[1].data.get(orch::REPEATS_SYNTHESIZED),
        Some(&true.into())
    );
    // A later start is a start.
    bench.signs_in();
    bench.starts("Minion web started at one");
    let events = bench.start_events();
    assert_eq!(events[2].data.get(orch::REPEATS_SYNTHESIZED), None);
    assert_eq!(bench.news(), [News::First, News::New]);
}

#[test]
fn a_start_that_came_is_not_made_up() {
    let mut bench = Bench::with(&["web"]);
    bench.tells(BOOT_A);
    bench.signs_in();
    bench.starts("Minion web started at noon");
    let (jid, _) = bench.asks().unwrap();
    bench.answers(&jid, BOOT_B);
    assert_eq!(bench.news(), [News::First, News::New]);
    assert_eq!(bench.start_events().len(), 1);
}

#[test]
fn a_service_that_starts_again_is_no_boot() {
    let mut bench = Bench::with(&["web"]);
    bench.tells(BOOT_A);
    bench.tells(BOOT_A);
    assert_eq!(bench.news(), [News::First, News::Same]);
    assert_eq!(bench.start_events(), []);
    // A loop that begins again without signing in is asked as well.
    bench.starts("Minion web started at noon");
    assert!(bench.asks().is_some());
}

#[test]
fn where_there_is_no_boot_id_the_uptime_tells() {
    let mut bench = Bench::with(&["web"]);
    bench.signs_in();
    let (jid, _) = bench.asks().unwrap();
    let before = bench.records.len();
    bench.answers(&jid, "'file.read' is not available.");
    let (jid, fun) = bench.question(before).expect("the other question");
    assert_eq!(fun, "status.uptime");
    bench.answers(&jid, Map::from([("seconds", 5_000)]));
    // Half an hour later the same boot; then one of a minute ago.
    bench.now = bench.now.plus_secs(1_800);
    for (seconds, news) in [(6_801, News::Same), (60, News::New)] {
        bench.signs_in();
        let (jid, fun) = bench.asks().unwrap();
        assert_eq!(fun, "status.uptime", "it is not asked in vain again");
        bench.answers(&jid, Map::from([("seconds", seconds)]));
        assert_eq!(bench.news().last(), Some(&news));
    }
    // And one that can tell nothing at all.
    bench.signs_in();
    let (jid, _) = bench.asks().unwrap();
    bench.answers(&jid, "refused");
    assert_eq!(bench.news().last(), Some(&News::Unclear));
}

#[test]
fn a_new_boot_ends_the_jobs_of_the_one_before() {
    let mut bench = Bench::with(&["web"]);
    bench.tells(BOOT_A);
    let jid = publish(&mut bench);
    bench.put(Input::Sent {
        jid: jid.clone(),
        again: Vec::new(),
        unheard: Vec::new(),
    });
    let unheard = publish(&mut bench);
    bench.put(Input::Sent {
        jid: unheard.clone(),
        again: Vec::new(),
        unheard: vec![id()],
    });
    bench.signs_in();
    let later = publish(&mut bench);
    bench.put(Input::Sent {
        jid: later.clone(),
        again: Vec::new(),
        unheard: Vec::new(),
    });
    let (question, _) = bench.asks().unwrap();
    bench.answers(&question, BOOT_B);
    let phase = |jid: &Jid| bench.views.jobs.get(jid).unwrap().minions[&id()].phase;
    assert_eq!(phase(&jid), MinionPhase::Rebooted);
    assert_eq!(phase(&unheard), MinionPhase::Waiting, "it goes out again");
    assert_eq!(phase(&later), MinionPhase::Waiting, "the new boot has it");
}

fn publish(bench: &mut Bench) -> Jid {
    bench.now = bench.now.plus_millis(1);
    let request = Request::new("test.sleep", Target::list(&[id()]), "root");
    let before = bench.records.len();
    bench.put(Input::Publish(Box::new(request)));
    match &bench.records[before] {
        Record::JobPublished(job) => job.jid.clone(),
        other => panic!("{other:?}"),
    }
}
