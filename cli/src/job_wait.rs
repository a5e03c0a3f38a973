//! Waits for the returns of one job, as `salt` does: each as it comes in, then a word on those that
//! never came.
//!
//! Returns are read from the log from before the job, so none can slip past. Once the timeout is
//! over the job itself is asked for: the master has asked the minions by then, and knows who is at
//! work, lost or gone. A minion at work is waited for without an end; one that stays silent is
//! given up after the gather timeout.

use std::collections::VecDeque;
use std::time::Duration;

use indexmap::IndexSet;
use model::api::{JobView, MinionPhase, MinionView, Published};
use model::{Map, MinionId, Value};
use tokio::time::Instant;

use crate::client::{Client, Error, EventStream, Item};

/// Pause between two looks at the job.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// Before the job is asked for.
    pub(crate) timeout: Duration,
    /// For a silent minion after that.
    pub(crate) gather: Duration,
}

/// What one minion answered, or that it did not.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// The minion.
    pub(crate) id: String,
    /// What it returned, or the words for its silence.
    pub(crate) ret: Value,
    /// The outputter it asks for.
    pub(crate) out: Option<String>,
    /// Its exit code.
    pub(crate) retcode: i64,
    /// Whether it did not answer.
    pub(crate) is_silent: bool,
}

/// News of the wait.
#[derive(Debug)]
pub(crate) enum News {
    /// A minion's answer.
    Answer(Answer),
    /// The master went away; the wait goes on.
    Lost(Error),
    /// The master is back.
    Back,
    /// All minions are accounted for.
    Done,
}

/// The wait for one job.
pub(crate) struct JobWait {
    client: Client,
    jid: String,
    stream: EventStream,
    waiting: IndexSet<MinionId>,
    ready: VecDeque<Answer>,
    missing: VecDeque<Answer>,
    next_look: Instant,
    give_up: Instant,
}

impl JobWait {
    /// Starts to wait for a job.
    pub(crate) fn new(client: &Client, published: &Published, patience: Patience) -> Self {
        let jid = published.jid.to_string();
        let now = Instant::now();
        let tags = vec![format!("salt/job/{jid}/ret/*")];
        let missing = published.missing.iter();
        Self {
            client: client.clone(),
            stream: client.events(Some(published.cursor), tags),
            waiting: published.minions.iter().cloned().collect(),
            ready: VecDeque::new(),
            missing: missing.map(|id| silent(id, &no_response(&jid))).collect(),
            next_look: now + patience.timeout,
            give_up: now + patience.timeout + patience.gather,
            jid,
        }
    }

    /// Waits for the next answer. May be dropped and called again without loss.
    pub(crate) async fn next(&mut self) -> Result<News, Error> {
        loop {
            if let Some(answer) = self.ready.pop_front() {
                return Ok(News::Answer(answer));
            }
            if self.waiting.is_empty() {
                // Those whom the master does not know come last, as in Salt.
                return Ok(self.missing.pop_front().map_or(News::Done, News::Answer));
            }
            tokio::select! {
                biased;
                item = self.stream.next() => match item? {
                    Item::Next(event) => {
                        if let Some(answer) = self.take(&event.data) {
                            return Ok(News::Answer(answer));
                        }
                    }
                    Item::Lost(error) => return Ok(News::Lost(error)),
                    Item::Back => return Ok(News::Back),
                    Item::End => {}
                },
                () = tokio::time::sleep_until(self.next_look) => {
                    self.next_look = Instant::now() + LOOK_PAUSE;
                    self.look().await?;
                }
            }
        }
    }

    /// Reads a return load; `None` for a second one, or one of a minion that was not asked.
    fn take(&mut self, load: &Map) -> Option<Answer> {
        let id: MinionId = load.get("id")?.as_str()?.parse().ok()?;
        let ret = load.get("return")?.clone();
        self.waiting.shift_remove(&id).then(|| Answer {
            id: id.to_string(),
            ret,
            out: load.get("out").and_then(Value::as_str).map(Into::into),
            retcode: retcode_of(load.get("retcode")),
            is_silent: false,
        })
    }

    /// Asks the master how the job stands, and gives up on those of whom nothing more will come.
    async fn look(&mut self) -> Result<(), Error> {
        let view: JobView = match self.client.get(&format!("/jobs/{}", self.jid)).await {
            Ok(view) => view,
            // The stream tells of a master that is away, and waits for it.
            Err(error) if error.is_passing() => return Ok(()),
            Err(error) => return Err(error),
        };
        for ret in view.returns.values() {
            // The stream would bring it too, unless the log was trimmed in between.
            let answer = self.take(&ret.load);
            self.ready.extend(answer);
        }
        let is_late = Instant::now() >= self.give_up;
        let ended: Vec<(MinionId, Option<MinionPhase>)> = self
            .waiting
            .iter()
            .map(|id| (id, view.minions.get(id).map(|outcome| outcome.phase)))
            .filter(|(_, phase)| match phase {
                Some(MinionPhase::Ok | MinionPhase::Failed | MinionPhase::Running) => false,
                Some(MinionPhase::Waiting) | None => is_late,
                Some(_) => true,
            })
            .map(|(id, phase)| (id.clone(), phase))
            .collect();
        if ended.is_empty() {
            return Ok(());
        }
        let connected = self.connected().await?;
        for (id, phase) in ended {
            let is_connected = connected.contains(&id);
            let words = words_for(phase, is_connected, &self.jid);
            self.waiting.shift_remove(&id);
            self.ready.push_back(silent(id.as_str(), &words));
        }
        Ok(())
    }

    async fn connected(&self) -> Result<IndexSet<MinionId>, Error> {
        match self.client.get::<Vec<MinionView>>("/minions").await {
            Ok(minions) => Ok(minions
                .into_iter()
                .filter(|minion| minion.is_connected)
                .map(|minion| minion.id)
                .collect()),
            Err(error) if error.is_passing() => Ok(IndexSet::new()),
            Err(error) => Err(error),
        }
    }
}

fn silent(id: &str, words: &str) -> Answer {
    Answer {
        id: id.to_owned(),
        ret: Value::str(words),
        out: Some("no_return".into()),
        retcode: 1,
        is_silent: true,
    }
}

/// Salt's words for a minion without an answer; its first line is what scripts look for.
fn words_for(phase: Option<MinionPhase>, is_connected: bool, jid: &str) -> String {
    match phase {
        Some(MinionPhase::Rebooted) => format!(
            "Minion did not return. [Restarted]\nIt started again before it answered. \
             See what is known of the job:\n\nsalt-run jobs.lookup_jid {jid}"
        ),
        Some(MinionPhase::Cancelled) => "Minion did not return. [Cancelled]".into(),
        _ if !is_connected => "Minion did not return. [Not connected]".into(),
        _ => no_response(jid),
    }
}

fn no_response(jid: &str) -> String {
    format!(
        "Minion did not return. [No response]\nThe minions may not have all finished running and \
         any remaining minions will return upon completion. To look up the return data for this \
         job later, run the following command:\n\nsalt-run jobs.lookup_jid {jid}"
    )
}

/// A return code is a number, or one per function: then the highest counts.
pub(crate) fn retcode_of(retcode: Option<&Value>) -> i64 {
    match retcode {
        Some(Value::Map(codes)) => codes
            .values()
            .filter_map(Value::as_i64)
            .max()
            .unwrap_or_default(),
        Some(Value::Bool(is_bad)) => i64::from(*is_bad),
        Some(code) => code.as_i64().unwrap_or_default(),
        None => 0,
    }
}
