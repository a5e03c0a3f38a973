//! What the shipped `act.rs` and `timers.rs` do with sockets and tasks, done with the queue: jobs
//! sent, timers set, the log looked through, connections told.

use std::sync::Arc;

use master::act::{Look, TOLD_AGAIN_AFTER};
use master::jobs::JobPublished;
use master::jobs::act::{recipients, unheard};
use master::jobs::collect::Presence;
use master::ledger::{Beat, Call, Effect, Input, TimerKey};

use model::{Map, MinionId, Value};

use super::Mutation;
use super::master_process::Life;
use super::requests::Asker;
use super::world::{Happening, World};

/// How long connections that open are gathered, in microseconds; as `act.rs` does.
const GATHERED: u64 = 200_000;

/// Sendings after which the master gives a job up that a minion has not: the first, and three more.
const SENDINGS_MAX: usize = 4;

impl World {
    /// Performs the next effect.
    pub(crate) fn act(&mut self) {
        self.master.acts += 1;
        let acts = self.master.acts;
        let doomed = self
            .master
            .doomed_acts
            .iter()
            .position(|(at, _)| *at <= acts);
        if let Some(place) = doomed {
            let (_, down_ms) = self.master.doomed_acts.remove(place);
            return self.kill(down_ms);
        }
        let pause = self.chance.within(0..2_000);
        let Some(life) = self.life() else { return };
        let effect = life.effects.pop_front();
        life.is_acting = !life.effects.is_empty();
        let (number, is_more) = (life.number, life.is_acting);
        if is_more {
            self.after(pause, Happening::Act(number));
        }
        if self.mutation == Some(Mutation::DropsEffects) && acts.is_multiple_of(16) {
            return;
        }
        if let Some(effect) = effect {
            self.perform_effect(number, effect);
        }
    }

    fn perform_effect(&mut self, number: u64, effect: Effect) {
        match effect {
            Effect::Send { job, again } => self.publish(&job, again),
            Effect::SetTimer { key, at } => {
                if let Some(life) = self.life() {
                    life.timers.set(key, at);
                }
                self.plan_wake();
            }
            Effect::HurryTimer { key, at } => {
                if let Some(life) = self.life() {
                    life.timers.hurry(key, at);
                }
                self.plan_wake();
            }
            Effect::LookBack {
                run,
                step,
                glob,
                after,
                upto,
            } => {
                let Some(life) = self.life() else { return };
                let upto = upto.max(life.reader.head());
                let look = Look {
                    run,
                    step,
                    glob,
                    after,
                    upto,
                    tries: 0,
                };
                let pause = self.chance.within(0..50_000);
                self.after(pause, Happening::Look(number, Box::new(look)));
            }
            Effect::GatherPillars { run, wish, .. } => {
                // Nothing is targeted by pillar here.
                let pillars = std::collections::HashMap::new();
                self.input_within(50_000, number, Input::Pillars { run, wish, pillars });
            }
            Effect::GatherBoots {
                run,
                wish,
                pillars,
                ids,
            } => {
                self.put(Input::AskBoots(ids), Asker::Nobody);
                // Whether the answers come before the step goes on is left to chance.
                let input = Input::BootsGathered { run, wish, pillars };
                self.input_within(10_000_000, number, input);
            }
            Effect::Call(call) if call.fun == "state.orchestrate" => self.nest(number, call),
            Effect::Call(call) => {
                let fact = orch::Fact::CallDone {
                    jid: call.jid,
                    is_success: true,
                    ret: Value::Nil,
                };
                let (run, fact) = (call.run, Box::new(fact));
                self.input_within(2_000_000, number, Input::RunFact { run, fact });
            }
            Effect::RotateKeys => {
                if let Some(life) = self.life() {
                    life.key += 1_000_000;
                }
            }
            Effect::ForgetSecrets(run) => {
                if let Some(life) = self.life() {
                    life.redactor.forget(&run);
                }
            }
            Effect::WriteKey(_) => {}
        }
    }

    /// Starts the run inside the run, as the runner does.
    fn nest(&mut self, number: u64, call: Call) {
        let Some(plan) = self.plans.inner.clone() else {
            return self.violate(format!("{} is called, and there is no such plan", call.fun));
        };
        let start = Input::StartRun {
            plan: Box::new(plan),
            user: "root".to_owned(),
            pillar: Map::new(),
            parent: Some((call.run, call.jid)),
        };
        let pause = self.chance.within(1_000..500_000);
        self.after(pause, Happening::Input(number, Box::new(start)));
    }

    /// The ledger hears of something after a pause of at most so many microseconds.
    fn input_within(&mut self, micros: u64, number: u64, input: Input) {
        let pause = self.chance.within(0..micros);
        self.after(pause, Happening::Input(number, Box::new(input)));
    }

    fn publish(&mut self, job: &JobPublished, again: Vec<MinionId>) {
        let is_known = self
            .master
            .views()
            .map(|views| views.jobs.contains(&job.jid));
        if is_known == Some(false) {
            self.violate(format!("job {} is sent and not on record", job.jid));
        }
        let Some(life) = self.life() else { return };
        let ids = recipients(job, &again).to_vec();
        let key = life.key;
        let signs = signs(life, ids.iter());
        let unheard = unheard(&ids, &signs);
        let mut missed = Vec::new();
        let links: Vec<(u64, usize)> = life
            .links
            .iter()
            .map(|(link, (node, _))| (*link, *node))
            .collect();
        for (node, minion) in self.minions.iter().enumerate() {
            let has_link = links.iter().any(|(_, of)| *of == node);
            // Somebody else's connection was taken for its own; or the sign-ins of its start, told
            // again and again, may look like those of two processes, one of which heard unseen.
            let is_mistaken = !unheard.contains(&minion.id) || minion.is_starting();
            if ids.contains(&minion.id) && !has_link && is_mistaken {
                missed.push(node);
            }
        }
        for node in missed {
            self.miss(node, job);
        }
        let shared = Arc::new(job.clone());
        for (link, node) in links {
            if !ids.contains(&self.minions[node].id) {
                continue;
            }
            let now = self.now;
            let arrivals = self.network.arrivals(&mut self.chance, node, now);
            if self.minions[node].link != Some(link) && job.step.is_some() {
                // The connection's other end is gone, and nobody knows yet.
                let id = self.minions[node].id.clone();
                self.excuse(format!("{} went to a dead connection of {id}", job.jid));
            }
            if arrivals.is_empty() {
                // A frame is lost with its connection.
                self.lose_publication(node, job);
                self.link_closed(link);
            }
            for at in arrivals {
                let job = Arc::clone(&shared);
                if job.step.is_some() {
                    self.minions[node].coming.push(job.jid.clone());
                }
                self.at(
                    at,
                    Happening::Publication {
                        node,
                        link,
                        job,
                        key,
                    },
                );
            }
        }
        let jid = job.jid.clone();
        self.tell(Input::Sent {
            jid,
            again,
            unheard,
        });
    }

    /// A job's frame is lost on its way; one that is lost whenever it is sent is given up.
    fn lose_publication(&mut self, node: usize, job: &JobPublished) {
        self.miss(node, job);
        let minion = &self.minions[node];
        let times = minion.void.iter().filter(|jid| **jid == job.jid).count();
        if times >= SENDINGS_MAX && job.step.is_some() {
            let id = minion.id.clone();
            self.excuse(format!(
                "{} was lost on its way to {id} {times} times",
                job.jid
            ));
        }
    }

    /// The task of the timers wakes.
    pub(crate) fn wake(&mut self) {
        let wall = self.wall();
        let (mutation, clock) = (self.mutation, self.clock.clone());
        let Some(life) = self.life() else { return };
        life.wakes = None;
        let beat = Beat::of(clock.as_ref());
        let jumped = beat.jump_since(life.beat);
        life.beat = beat;
        if let Some(by_ms) = jumped {
            life.presence.shift(by_ms);
            self.put(Input::ClockLooked, Asker::Nobody);
        }
        let Some(life) = self.life() else { return };
        for key in life.timers.due(wall) {
            if mutation == Some(Mutation::NeverAsks) && matches!(key, TimerKey::Probe(_)) {
                continue;
            }
            let Some(life) = self.life() else { return };
            let presence = match &key {
                TimerKey::Probe(jid) => {
                    let Some(views) = life.core.views() else {
                        self.set_again(key);
                        continue;
                    };
                    let job = views.jobs.get(jid);
                    let pending = job.map(|job| job.pending().cloned().collect::<Vec<_>>());
                    signs(life, pending.unwrap_or_default().iter())
                }
                TimerKey::Boots => {
                    let views = life.core.views();
                    let ids = views.map(|views| {
                        let ids = views.minions.to_ask().map(|(id, _)| id.clone());
                        ids.collect::<Vec<_>>()
                    });
                    signs(life, ids.unwrap_or_default().iter())
                }
                TimerKey::Step { .. } => Presence::new(),
            };
            let asker = Asker::Timer(key.clone());
            self.put(Input::Timer { key, presence }, asker);
        }
        self.plan_wake();
    }

    /// A timer's end could not be recorded.
    pub(super) fn set_again(&mut self, key: TimerKey) {
        let again = self.wall().plus_millis(TOLD_AGAIN_AFTER.as_millis() as u64);
        if let Some(life) = self.life() {
            life.timers.hurry(key, again);
        }
        self.plan_wake();
    }

    fn plan_wake(&mut self) {
        let (wall, now) = (self.wall(), self.now);
        let Some(life) = self.life() else { return };
        let at = now + life.timers.sleep(wall).as_micros() as u64;
        if life.wakes.is_none_or(|wakes| wakes > at) {
            life.wakes = Some(at);
            let number = life.number;
            self.at(at, Happening::Timers(number));
        }
    }

    /// Reads the log back for a wait.
    pub(crate) fn look_back(&mut self, mut look: Look) {
        let mutation = self.mutation;
        let Some(life) = self.life() else { return };
        let number = life.number;
        match look.look(life.reader.as_ref()) {
            Ok(mut told) => {
                if let (Some(Mutation::SkipsLookBack), Input::LookedBack { events, .. }) =
                    (mutation, &mut told)
                {
                    events.clear();
                }
                self.tell(told);
            }
            Err(pause) => {
                let pause = pause.as_micros() as u64;
                self.after(pause, Happening::Look(number, Box::new(look)));
            }
        }
    }

    pub(crate) fn welcome(&mut self) {
        if let Some(life) = self.life() {
            life.is_welcoming = false;
        }
        self.tell(Input::SubscriberAppeared);
    }

    /// Opens a publish connection, if there is a master.
    pub(crate) fn open_link(&mut self, node: usize) -> Option<u64> {
        let ip = self.minions[node].ip;
        self.master.links += 1;
        let link = self.master.links;
        let life = self.life()?;
        life.links.insert(link, (node, ip));
        let number = life.number;
        if !std::mem::replace(&mut life.is_welcoming, true) {
            self.after(GATHERED, Happening::Welcome(number));
        }
        Some(link)
    }

    pub(crate) fn link_closed(&mut self, link: u64) {
        let Some(life) = self.life() else { return };
        let closed = life.links.remove(&link);
        if let Some((node, _)) = closed.filter(|(node, _)| self.minions[*node].link == Some(link)) {
            self.lose_link(node);
        }
    }
}

fn signs<'a>(life: &Life, ids: impl Iterator<Item = &'a MinionId>) -> Presence {
    let subscribers = life.links.values().map(|(_, ip)| *ip).collect();
    life.presence.signs(ids, &subscribers)
}
