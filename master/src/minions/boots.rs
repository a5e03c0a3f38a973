//! Decides when minions are asked for the boot of their machine, and what their answers mean.
//!
//! Asked is whoever signed in, by a job of the master's own that shows nowhere; it only reads, so
//! it may be repeated. A minion without the kernel's boot id is asked for how long it is up. A boot
//! that differs from the last one is proof of a restart, whatever events came or were lost: the one
//! that tells of the start is made up if it did not come. See `docs/design/boots.md`.

use std::collections::BTreeSet;

use model::target::Target;
use model::{Boot, BootId, Jid, JobReturn, Map, MinionId, Tag, Timestamp, Value};

use super::view::Minion;
use super::{BootTold, News, View};
use crate::jobs::{self, JobPublished, collect::Presence};
use crate::ledger::decide::Decision;
use crate::ledger::{Effect, Record, TimerKey, Views, jid_after};

/// Where Linux has the id of its boot.
const BOOT_ID_FILE: &str = "/proc/sys/kernel/random/boot_id";

/// From a sign-in to the question: who signs in listens a moment later, and a herd of minions is
/// asked by one job. In milliseconds.
pub const ASKED_AFTER_MS: u64 = 1_000;

/// Minions that one question is addressed to at most, where the target is a list of their ids.
const ASKED_AT_ONCE_MAX: usize = 1_000;

/// From a question to the next, if no answer came; each next pause is twice as long. In
/// milliseconds.
const ANSWER_PAUSE_MS: u64 = 10_000;

/// Questions without an answer, after which a minion is left alone until it signs in again: with
/// the pauses ten minutes.
const QUESTIONS_MAX: u32 = 6;

/// How long those that are asked but have no connection yet are waited for before the next look, in
/// milliseconds. A connection that opens hurries it.
const UNCONNECTED_PAUSE_MS: u64 = 30_000;

/// How a boot is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// By the kernel's id.
    Id,
    /// By how long the machine is up.
    Uptime,
}

impl Question {
    /// The one that a minion could answer the last time.
    fn for_minion(minion: Option<&Minion>) -> Self {
        let boot = minion.and_then(|minion| minion.boot.as_ref());
        match boot.and_then(|told| told.boot.as_ref()) {
            Some(Boot::Since { .. }) => Self::Uptime,
            _ => Self::Id,
        }
    }

    /// `wide` is a target that has these minions and few others.
    fn job(self, ids: &[MinionId], wide: Option<Target>, jid: Jid) -> JobPublished {
        let (fun, arg) = match self {
            Self::Id => ("file.read", vec![Value::str(BOOT_ID_FILE)]),
            Self::Uptime => ("status.uptime", Vec::new()),
        };
        JobPublished {
            asks_boot: true,
            ..JobPublished::question(jid, fun, arg, ids, wide)
        }
    }

    fn of(job: &JobPublished) -> Self {
        if job.arg.is_empty() {
            Self::Uptime
        } else {
            Self::Id
        }
    }
}

/// Gives the timer that asks those who are due, if a record made somebody due.
pub fn after_record(minions: &View, record: &Record, now: Timestamp) -> Option<Effect> {
    let id = match record {
        Record::SignedIn { id } => Some(id.clone()),
        Record::Event { tag, data } if tag.as_str() == "salt/auth" => {
            data.get("id")?.as_str()?.parse().ok()
        }
        Record::Event { tag, .. } => super::decide::started_id(tag),
        _ => None,
    };
    let is_due = id.is_some_and(|id| minions.is_due(&id));
    is_due.then(|| ask_after(now, ASKED_AFTER_MS))
}

fn ask_after(now: Timestamp, millis: u64) -> Effect {
    Effect::HurryTimer {
        key: TimerKey::Boots,
        at: now.plus_millis(millis),
    }
}

/// Gives the timer that asks those who are due, or whom a run waits for: once a publish connection
/// opened, and after the wall clock jumped, as the moment that was set is of the clock before. A
/// minion that was up all the while has an old key and no reason to sign in: a question that it
/// cannot read is one.
pub fn ask_soon(views: &Views, asks_all: bool, now: Timestamp) -> Option<Effect> {
    let is_any = to_ask(views, asks_all).next().is_some() || awaited(views).next().is_some();
    is_any.then(|| ask_after(now, ASKED_AFTER_MS))
}

/// Gives the timer that asks those whom a run waits for, when the master comes up.
pub fn on_master_start(views: &Views, now: Timestamp) -> Option<Effect> {
    let mut waiting = views.runs.open().flat_map(orch::Run::awaited);
    waiting.next().map(|_| ask_after(now, ASKED_AFTER_MS))
}

/// Walks over the minions that are to be asked, or were and did not answer yet. Unless all are
/// asked who sign in (option `boot_ids`), these are the ones that a step asked.
fn to_ask(views: &Views, asks_all: bool) -> impl Iterator<Item = (&MinionId, &Minion)> {
    let minions = views.minions.to_ask();
    minions.filter(move |(_, minion)| asks_all || minion.asked.is_some())
}

/// Walks over the minions whose start or boot a run waits for, and who did not tell theirs since
/// the master came up.
fn awaited(views: &Views) -> impl Iterator<Item = MinionId> {
    let ids = views.runs.open().flat_map(orch::Run::awaited);
    ids.filter(|id| views.minions.present_boot(id).is_none())
}

/// Who is to be asked now, and when to look again.
#[derive(Default)]
struct Round {
    by_id: Vec<MinionId>,
    by_uptime: Vec<MinionId>,
    next: Option<u64>,
}

impl Round {
    fn of(views: &Views, presence: &Presence, asks_all: bool, now: Timestamp) -> Self {
        let mut round = Self::default();
        let minions = &views.minions;
        let mut wanted: BTreeSet<MinionId> = awaited(views).collect();
        let accepted = to_ask(views, asks_all).filter(|(id, _)| views.keys.is_accepted(id));
        for (id, minion) in accepted {
            let is_wanted = wanted.remove(id);
            let last = minion.asked.as_ref().filter(|_| !minions.is_due(id));
            if last.is_some_and(|last| last.times >= QUESTIONS_MAX) && !is_wanted {
                continue;
            }
            let left = last.map_or(0, |last| {
                let times = last.times.clamp(1, QUESTIONS_MAX);
                let pause = ANSWER_PAUSE_MS << (times - 1);
                pause.saturating_sub(now.millis_since(last.at))
            });
            let is_connected = presence.get(id).is_some_and(|sign| sign.is_connected);
            if left > 0 {
                round.look_again(left);
            } else if !is_connected && !is_wanted {
                round.look_again(UNCONNECTED_PAUSE_MS);
            } else {
                round.look_again(ANSWER_PAUSE_MS);
                round.ask(Question::for_minion(Some(minion)), id);
            }
        }
        for id in wanted.iter().filter(|id| views.keys.is_accepted(id)) {
            round.look_again(ANSWER_PAUSE_MS);
            round.ask(Question::for_minion(minions.get(id)), id);
        }
        round
    }

    fn ask(&mut self, question: Question, id: &MinionId) {
        match question {
            Question::Id => self.by_id.push(id.clone()),
            Question::Uptime => self.by_uptime.push(id.clone()),
        }
    }

    fn look_again(&mut self, millis: u64) {
        self.next = Some(self.next.map_or(millis, |next| next.min(millis)));
    }

    /// Makes the jobs that ask. `all` is how many minions there are: if most of them are asked, it
    /// is one word for all.
    fn put(self, all: usize, decision: &mut Decision, next_jid: &mut dyn FnMut() -> Jid) {
        let by = [
            (Question::Id, self.by_id),
            (Question::Uptime, self.by_uptime),
        ];
        for (question, ids) in by {
            let is_most = ids.len() * 2 >= all;
            let at_once = match is_most {
                true => ids.len().max(1),
                false => ASKED_AT_ONCE_MAX,
            };
            for ids in ids.chunks(at_once) {
                let wide = is_most.then(|| Target::glob("*"));
                put(question.job(ids, wide, next_jid()), decision);
            }
        }
    }
}

/// Asks whoever is due and can hear it, and whoever did not answer for long.
pub fn on_timer(
    views: &mut Views,
    presence: &Presence,
    asks_all: bool,
    now: Timestamp,
) -> Decision {
    let mut decision = Decision::records(Vec::new());
    let round = Round::of(views, presence, asks_all, now);
    decision
        .effects
        .extend(round.next.map(|pause| ask_after(now, pause)));
    let all = views.keys.accepted().count();
    round.put(all, &mut decision, &mut || views.next_jid(now));
    decision
}

/// Asks minions at once, because what a step does next depends on it. Those who are being asked
/// already are not asked again.
pub fn ask_now(views: &mut Views, ids: &[MinionId], now: Timestamp) -> Decision {
    let mut decision = Decision::records(Vec::new());
    let mut round = Round::default();
    for id in ids.iter().filter(|id| views.keys.is_accepted(id)) {
        let minion = views.minions.get(id);
        if minion.is_none_or(|minion| minion.asked.is_none()) {
            round.ask(Question::for_minion(minion), id);
        }
    }
    let all = views.keys.accepted().count();
    round.put(all, &mut decision, &mut || views.next_jid(now));
    decision
}

fn put(job: JobPublished, decision: &mut Decision) {
    decision.effects.push(Effect::Send {
        job: Box::new(job.clone()),
        again: Vec::new(),
    });
    decision.records.push(Record::JobPublished(job));
}

/// Says whether a return answers a question after a boot.
pub fn is_answer(views: &Views, ret: &JobReturn) -> bool {
    let job = views.jobs.get(&ret.jid);
    job.is_some_and(|job| job.published.asks_boot)
}

/// Decides on an answer: what it tells, which jobs ended with the boot before, and the start event
/// that did not come.
pub fn on_answer(views: &mut Views, ret: &JobReturn, now: Timestamp) -> Decision {
    let mut decision = Decision::records(Vec::new());
    let Views {
        minions,
        jobs,
        keys,
        last_jid,
        ..
    } = views;
    let (Some(job), Some(minion)) = (jobs.get(&ret.jid), minions.get(&ret.id)) else {
        return decision;
    };
    let asked = minion.asked.as_ref();
    let is_awaited = asked.is_some_and(|asked| asked.jid == ret.jid);
    if !is_awaited || !keys.is_accepted(&ret.id) {
        return decision;
    }
    let question = Question::of(&job.published);
    let boot = read(question, ret, job.at, now);
    if boot.is_none() && question == Question::Id {
        let ids = std::slice::from_ref(&ret.id);
        put(
            Question::Uptime.job(ids, None, jid_after(last_jid, now)),
            &mut decision,
        );
        return decision;
    }
    let before = minion.boot.as_ref().and_then(|told| told.boot.clone());
    let told = BootTold {
        jid: ret.jid.clone(),
        id: ret.id.clone(),
        news: news(boot.as_ref(), before.as_ref()),
        boot,
        before,
    };
    decision.records = records_of((jobs, minions), minion, told, now);
    decision
}

fn news(boot: Option<&Boot>, before: Option<&Boot>) -> News {
    match (boot, before) {
        (_, None) => News::First,
        (None, Some(_)) => News::Unclear,
        (Some(boot), Some(before)) => match boot.is_later_than(before) {
            Some(true) => News::New,
            Some(false) => News::Same,
            None => News::Unclear,
        },
    }
}

fn records_of(
    known: (&jobs::View, &View),
    minion: &Minion,
    told: BootTold,
    now: Timestamp,
) -> Vec<Record> {
    let id = told.id.clone();
    let mut records = Vec::new();
    let mut start = None;
    if let (News::New, Some(boot)) = (told.news, &told.boot) {
        // Whoever runs in this boot signed in first: what went out before that is not its.
        if let Some(began) = minion.signed_in {
            let why = format!("its machine started again ({boot})");
            let ended = jobs::boots::on_new_boot(known, &id, began, &why);
            records.extend(ended);
        }
        let began = minion
            .signed_in
            .or(minion.boot.as_ref().map(|told| told.cursor));
        let is_told = minion.start.as_ref().zip(began);
        let is_told = is_told.is_some_and(|(start, began)| start.cursor > began);
        start = (!is_told).then(|| synthesized(&id, boot, now));
    }
    records.push(Record::BootTold(told));
    records.extend(start);
    records
}

/// Makes the start event that a minion must have fired, and that never came.
fn synthesized(id: &MinionId, boot: &Boot, now: Timestamp) -> Record {
    let tag = Tag::minion_start(id);
    let at = now.iso();
    let said = format!("Minion {id} started before {at} (its event was lost; {boot})");
    let data = Map::from([
        ("id", Value::str(id.as_str())),
        ("cmd", "_minion_event".into()),
        ("pretag", Value::Nil),
        ("data", said.into()),
        ("tag", tag.as_str().into()),
        ("boot", boot.to_string().into()),
        (SYNTHESIZED, true.into()),
    ]);
    Record::Event { tag, data }
}

/// The key of a start event's data that says that the master made it up.
pub const SYNTHESIZED: &str = "synthesized";

/// Marks a start event of a minion whose start was made up already: the same start, told late.
/// Waits pass it over.
pub fn mark_repeated(minions: &View, tag: &Tag, data: &mut Map) {
    let Some(id) = super::decide::started_id(tag) else {
        return;
    };
    // Only the master makes them up.
    data.remove(SYNTHESIZED);
    data.remove(orch::REPEATS_SYNTHESIZED);
    let start = minions.get(&id).and_then(|minion| minion.start.as_ref());
    if start.is_some_and(|start| start.is_synthesized && !start.is_before_sign_in) {
        data.insert(orch::REPEATS_SYNTHESIZED, true);
    }
}

fn read(question: Question, ret: &JobReturn, asked: Timestamp, now: Timestamp) -> Option<Boot> {
    if ret.is_failure() {
        return None;
    }
    match question {
        Question::Id => BootId::read(ret.ret.as_str()?).map(Boot::Id),
        Question::Uptime => {
            let seconds = ret.ret.get("seconds")?.as_f64()?;
            let millis = (seconds.is_finite() && seconds >= 0.0).then_some(seconds * 1000.0)?;
            let millis = (millis as u64).min(i64::MAX as u64).cast_signed();
            Some(Boot::Since {
                earliest: asked.min(now).moved(-millis),
                latest: now.moved(-millis),
            })
        }
    }
}
