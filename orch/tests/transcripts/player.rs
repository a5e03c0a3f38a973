//! Plays a transcript: reads the input lines, asks the run, writes what it says.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::api::MinionPhase;
use model::{Boot, BootId, Cursor, Event, Jid, JobReturn, Map, MinionId, Tag, Timestamp, Value};
use orch::{
    Context, Effect, Fact, Options, Output, Pause, Plan, Run, RunRecord, Started, recovery,
};
use states::low_chunk::LowChunk;

/// Plays the input lines of a transcript and gives the whole with fresh output lines.
pub(crate) fn play(text: &str) -> String {
    let mut player = Player::default();
    let inputs = text.lines().filter(|line| !line.starts_with("  "));
    for line in inputs {
        player.out.push_str(line);
        player.out.push('\n');
        player.line(line);
    }
    player.out
}

/// Plays a transcript and gives the records of its run.
pub(crate) fn records(text: &str) -> Vec<RunRecord> {
    let mut player = Player::default();
    for line in text.lines().filter(|line| !line.starts_with("  ")) {
        player.line(line);
    }
    player.records
}

#[derive(Default)]
struct Player {
    out: String,
    low: Vec<LowChunk>,
    options: Options,
    now: Timestamp,
    last_alive: Timestamp,
    cursor: Cursor,
    jids: u64,
    /// What stands in the log: events with their places.
    log: Vec<Event>,
    records: Vec<RunRecord>,
    run: Option<Run>,
    jobs: BTreeMap<Jid, Value>,
}

impl Player {
    fn line(&mut self, line: &str) {
        let Some((word, rest)) = line.split_once(' ') else {
            return;
        };
        match word {
            "step" => self.step(rest),
            "options" => self.options(rest),
            ">" => self.fact(rest),
            _ => {}
        }
    }

    /// Reads `FUN ID {ARGUMENTS}`.
    fn step(&mut self, rest: &str) {
        let mut words = rest.splitn(3, ' ');
        let (state, fun) = words
            .next()
            .expect("a function")
            .split_once('.')
            .expect("a dot");
        let id = words.next().expect("an id").to_owned();
        let mut args: Map = json(words.next().unwrap_or("{}"));
        let name = args
            .remove("name")
            .map_or(id.clone(), |name| name.to_text());
        self.low.push(LowChunk {
            state: state.into(),
            fun: fun.into(),
            id,
            name,
            sls: "orch.t".into(),
            saltenv: "base".into(),
            order: 10_000 + self.low.len() as i64,
            args,
            ..LowChunk::default()
        });
    }

    fn options(&mut self, rest: &str) {
        self.options.is_test |= rest.contains("test");
        self.options.failhard |= rest.contains("failhard");
        self.options.runs_commands |= rest.contains("commands");
    }

    fn fact(&mut self, rest: &str) {
        let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        if let Some(seconds) = word.strip_prefix('+') {
            let seconds: f64 = seconds.trim_end_matches('s').parse().expect("seconds");
            self.now = self.now.plus_millis((seconds * 1000.0) as u64);
            return self.fact(rest);
        }
        let mut words = rest.splitn(3, ' ');
        let mut word_at = || words.next().unwrap_or_default().to_owned();
        match word {
            "plan" => self.plan(),
            "begin" => self.tell(Fact::Begin),
            "event" => {
                let (tag, data) = rest.split_once(' ').unwrap_or((rest, "{}"));
                self.event(Tag::new(tag), json(data));
            }
            "look_back" => self.look_back(rest.parse().expect("a step")),
            "called" => {
                let (jid, how, ret) = (self.jid(&word_at()), word_at(), word_at());
                let is_success = how == "ok";
                let ret = json(&ret);
                self.tell(Fact::CallDone {
                    jid,
                    is_success,
                    ret,
                });
            }
            "call_lost" => {
                let jid = self.jid(&word_at());
                self.tell(Fact::CallLost { jid });
            }
            "timer" => {
                let step = word_at().parse().expect("a step");
                let attempt = word_at().parse().expect("an attempt");
                self.tell(Fact::TimerFired { step, attempt });
            }
            "approved" => {
                let step = word_at().parse().expect("a step");
                let (is_yes, by) = (word_at() == "yes", word_at());
                self.tell(Fact::Approved { step, by, is_yes });
            }
            "pause" => {
                let (id, pause) = (word_at(), word_at());
                let pause = match pause.as_str() {
                    "" => Pause::Hold,
                    "kill" => Pause::Kill,
                    millis => Pause::For(millis.parse().expect("milliseconds")),
                };
                let id = (id != "all").then_some(id);
                let by = "root".into();
                self.tell(Fact::Pause { id, pause, by });
            }
            "unpause" => {
                let id = word_at();
                let id = (id != "all").then_some(id);
                let by = "root".into();
                self.tell(Fact::Unpause { id, by });
            }
            "cancelled" => self.tell(Fact::Cancelled { by: rest.into() }),
            "restart" => self.restart(),
            "view" => self.view(),
            "result" => self.result(),
            other => self.fact_of_minions(other, rest),
        }
    }

    fn fact_of_minions(&mut self, word: &str, rest: &str) {
        let mut words = rest.splitn(3, ' ');
        let mut word_at = || words.next().unwrap_or_default().to_owned();
        match word {
            "published" => {
                let (jid, minions) = (self.jid(&word_at()), word_at());
                let missing = word_at();
                self.tell(Fact::Published {
                    jid,
                    minions: list(&minions).iter().map(|id| minion(id)).collect(),
                    missing: list(missing.trim_start_matches("missing ")),
                });
            }
            "resolved" => {
                let step = word_at().parse().expect("a step");
                let (minions, missing) = (word_at(), word_at());
                self.tell(Fact::Resolved {
                    step,
                    attempt: 1,
                    minions: list(&minions).iter().map(|id| minion(id)).collect(),
                    missing: list(missing.trim_start_matches("missing ")),
                    refused: None,
                });
            }
            "refused" => {
                let (jid, why) = (self.jid(&word_at()), format!("{} {}", word_at(), word_at()));
                self.tell(Fact::NotPublished { jid, why });
            }
            "returned" => {
                let (jid, id, ret) = (self.jid(&word_at()), minion(&word_at()), word_at());
                self.returned(jid, id, json(&ret));
            }
            "ended" => {
                let (jid, id, how) = (self.jid(&word_at()), minion(&word_at()), word_at());
                let (phase, why) = how.split_once(' ').unwrap_or((&how, ""));
                let phase: MinionPhase = json(&format!("\"{phase}\""));
                let why = why.to_owned();
                self.tell(Fact::MinionEnded {
                    jid,
                    id,
                    phase,
                    why,
                });
            }
            "running" => {
                let (jid, id) = (self.jid(&word_at()), minion(&word_at()));
                let since = self.now;
                self.tell(Fact::StillRunning { jid, id, since });
            }
            other => self.fact_of_boots(other, rest),
        }
    }

    fn fact_of_boots(&mut self, word: &str, rest: &str) {
        let mut words = rest.splitn(3, ' ');
        let mut word_at = || words.next().unwrap_or_default().to_owned();
        match word {
            // `boots JID a=first,b=first`
            "boots" => {
                let jid = self.jid(&word_at());
                let boots = list(&word_at());
                let boots = boots.iter().filter_map(|pair| pair.split_once('='));
                let boots = boots.map(|(id, name)| (minion(id), boot(name))).collect();
                self.tell(Fact::BootsBefore { jid, boots });
            }
            // `boot a second new`; a boot `-` is none that the minion can tell
            "boot" => {
                let (id, name, news) = (minion(&word_at()), word_at(), word_at());
                self.cursor = self.cursor.next();
                let cursor = self.cursor;
                self.tell(Fact::Boot {
                    id,
                    boot: (name != "-").then(|| boot(&name)),
                    is_new: news == "new",
                    cursor,
                });
            }
            "progress" => {
                let id = minion(&word_at());
                self.tell(Fact::Progress { id });
            }
            other => panic!("no fact is called {other}"),
        }
    }

    fn plan(&mut self) {
        self.options.master_id = "m_master".into();
        let low = std::mem::take(&mut self.low);
        let plan = match Plan::compile("orch.t", low, Vec::new(), self.options.clone()) {
            Ok(plan) => plan,
            Err(error) => {
                for line in error.to_string().lines() {
                    self.say(&format!("refused {line}"));
                }
                return;
            }
        };
        for warning in &plan.warnings {
            self.out.push_str(&format!("  warning {warning}\n"));
        }
        let started = Started {
            run: "20261121100000000000".parse().expect("a jid"),
            plan: Arc::new(plan),
            cursor: self.cursor,
            user: "root".into(),
            pillar: Map::new(),
            at: self.now,
            parent: None,
        };
        self.run = Some(Run::start(started.clone()));
        self.records = vec![RunRecord::Started(started)];
        self.cursor = self.cursor.next();
    }

    fn returned(&mut self, jid: Jid, id: MinionId, load: Map) {
        let ret = JobReturn {
            id,
            jid,
            fun: "f".into(),
            ret: load.get("return").cloned().unwrap_or_default(),
            retcode: load.get("retcode").cloned().unwrap_or(0.into()),
            success: load.get("success").cloned(),
            out: None,
            load,
        };
        self.tell(Fact::Returned(ret));
    }

    /// An event is in the log first; then the watches see it.
    fn event(&mut self, tag: Tag, data: Map) {
        self.cursor = self.cursor.next();
        let mut event = Event::new(tag, data, self.now);
        event.cursor = self.cursor;
        self.log.push(event.clone());
        if self.run.is_some() {
            self.tell(Fact::Event(event));
        }
    }

    /// Gives a watch the part of the log it asks for, as the master does.
    fn look_back(&mut self, step: usize) {
        let run = self.run.as_ref().expect("a run");
        let watch = run.watches().find(|(at, ..)| *at == step);
        let after = watch.map_or(self.cursor, |(_, _, after)| after);
        let upto = self.cursor;
        let log: Vec<Event> = self
            .log
            .iter()
            .filter(|event| event.cursor > after)
            .cloned()
            .collect();
        for event in log {
            self.tell(Fact::Event(event));
        }
        self.tell(Fact::LookedBack { step, upto });
    }

    /// The master is killed: what is left is the log.
    fn restart(&mut self) {
        self.run = Run::fold(&self.records).expect("the records fold");
        let run = self.run.clone().expect("the run has started");
        let last_alive = self.last_alive;
        let output = self.with_context(|context| recovery::resume(&run, last_alive, context));
        self.take(output);
    }

    fn tell(&mut self, fact: Fact) {
        let run = self.run.clone().expect("the run has started");
        let output = self.with_context(|context| run.on(&fact, context));
        self.take(output);
        // Told twice, a fact changes nothing. Timers and what they set off are the exception.
        let run = self.run.clone().expect("the run has started");
        if !matches!(fact, Fact::TimerFired { .. }) {
            let again = self.with_context(|context| run.on(&fact, context));
            assert_eq!(again, Output::default(), "told twice: {fact:?}");
        }
    }

    fn with_context<T>(&mut self, decide: impl FnOnce(&mut Context<'_>) -> T) -> T {
        let jids = &mut self.jids;
        let mut next_jid = || {
            *jids += 1;
            format!("202611211000{:08}", *jids).parse().expect("a jid")
        };
        decide(&mut Context {
            now: self.now,
            cursor: self.cursor,
            next_jid: &mut next_jid,
        })
    }

    fn take(&mut self, output: Output) {
        self.last_alive = self.now;
        for record in output.records {
            let run = self.run.as_mut().expect("the run has started");
            run.apply(&record).expect("a record of the run can follow");
            self.cursor = self.cursor.next();
            self.say_record(&record);
            self.records.push(record);
        }
        for effect in &output.effects {
            self.say_effect(effect);
        }
        self.fold_again();
    }

    /// The fold of the records is the run, however they are written down.
    fn fold_again(&self) {
        let fold = |records: &[RunRecord]| Run::fold(records).expect("the records fold");
        assert_eq!(fold(&self.records), self.run);
        let json = serde_json::to_string(&self.records).expect("records are JSON");
        let read: Vec<RunRecord> = serde_json::from_str(&json).expect("JSON is records");
        assert_eq!(fold(&read), self.run, "through JSON");
        let bytes = rmp_serde::to_vec_named(&self.records).expect("records are msgpack");
        let read: Vec<RunRecord> = rmp_serde::from_slice(&bytes).expect("msgpack is records");
        assert_eq!(fold(&read), self.run, "through msgpack");
        let run = serde_json::to_string(&self.run).expect("a run is JSON");
        let run: Option<Run> = serde_json::from_str(&run).expect("JSON is a run");
        assert_eq!(run, self.run, "a snapshot");
    }

    fn jid(&self, name: &str) -> Jid {
        let number: u64 = name.trim_start_matches('J').parse().expect("J1, J2, ...");
        format!("202611211000{number:08}").parse().expect("a jid")
    }

    fn say_record(&mut self, record: &RunRecord) {
        let value = serde_json::to_value(record).expect("a record is JSON");
        let body = value.get(record.name()).cloned().unwrap_or_default();
        self.say(&format!("record {} {body}", record.name()));
    }

    fn say_effect(&mut self, effect: &Effect) {
        let text = match effect {
            Effect::Publish { jid, job, .. } => {
                self.jobs.insert(jid.clone(), Value::Nil);
                format!("publish {jid} {}", brief(job))
            }
            Effect::Resolve {
                step, attempt, job, ..
            } => format!("resolve for step {step} attempt {attempt} {}", brief(job)),
            Effect::AdoptJob { jid, job, .. } => format!("adopt job {jid} {}", brief(job)),
            Effect::CallRunner { jid, call, .. } => format!("call runner {jid} {}", plain(call)),
            Effect::CallWheel { jid, call, .. } => format!("call wheel {jid} {}", plain(call)),
            Effect::CallState { jid, call, .. } => format!("call state {jid} {}", plain(call)),
            Effect::Check { jid, call, .. } => format!("check {jid} {}", plain(call)),
            Effect::AdoptCall { jid, call, .. } => format!("adopt call {jid} {}", plain(call)),
            Effect::Watch { step, glob, after } => {
                format!("watch {} for step {step} after {after}", glob.as_str())
            }
            Effect::SetTimer { step, attempt, at } => {
                format!("timer at {} for step {step} attempt {attempt}", at.clock())
            }
            Effect::Event { tag, data } => format!("event {tag} {}", plain(data)),
            Effect::Finish { phase, ret } => {
                let retcode = ret.get("retcode").map(Value::to_text).unwrap_or_default();
                format!("finish {} retcode {retcode}", plain(phase))
            }
        };
        self.say(&format!("effect {text}"));
    }

    fn view(&mut self) {
        let view = self.run.as_ref().expect("a run").view();
        for step in view.tree {
            let phase = plain(&step.phase);
            self.say(&format!("view {} {phase} {}", step.id, plain(&step.note)));
        }
    }

    fn result(&mut self) {
        let result = self.run.as_ref().expect("a run").result();
        let data = result.get("data").and_then(|data| data.get("m_master"));
        for (key, ret) in data.and_then(Value::as_map).expect("results").iter() {
            self.say(&format!("result {} {}", key.to_text(), plain(ret)));
        }
        self.say(&format!("retcode {}", plain(&result.get("retcode"))));
    }

    fn say(&mut self, text: &str) {
        self.out.push_str("  ");
        self.out.push_str(&short_jids(text));
        self.out.push('\n');
    }
}

fn brief(job: &orch::JobRequest) -> String {
    let mut value = serde_json::to_value(job).expect("a job is JSON");
    if let Some(map) = value.as_object_mut() {
        map.retain(|_, value| !value.is_null() && *value != "");
    }
    value.to_string()
}

fn plain(thing: &impl serde::Serialize) -> String {
    serde_json::to_string(thing).expect("it is JSON")
}

/// Writes `J1` for the first jid, `RUN` for the run's.
fn short_jids(text: &str) -> String {
    let parts: Vec<&str> = text.split("202611211000").collect();
    let mut out = parts[0].to_owned();
    for part in &parts[1..] {
        match part.get(..8).and_then(|digits| digits.parse::<u64>().ok()) {
            Some(0) => out.push_str("RUN"),
            Some(number) => out.push_str(&format!("J{number}")),
            None => out.push_str("202611211000"),
        }
        out.push_str(part.get(8..).unwrap_or(part));
    }
    out
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn list(text: &str) -> Vec<String> {
    let names = text
        .split(',')
        .filter(|name| !name.is_empty() && *name != "-");
    names.map(str::to_owned).collect()
}

fn boot(name: &str) -> Boot {
    Boot::Id(BootId(name.into()))
}

fn minion(id: &str) -> MinionId {
    id.parse().expect("a minion id")
}
