//! The modes in which every minion asks for something over and over.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use model::{Map, Value};
use tokio::task::JoinSet;

use crate::clock;
use crate::crowd;
use crate::flags::{Flags, Mode};
use crate::minion::{Failure, Minion};
use crate::receipts::Receipts;
use crate::tally::Tally;

/// Spreads requests evenly over time, and says when it is over.
#[derive(Debug)]
struct Pace {
    began: Instant,
    length: Option<Duration>,
    rate: Option<f64>,
    taken: AtomicU64,
}

impl Pace {
    /// Waits for the next place in line; `false` when the time is over.
    async fn next(&self) -> bool {
        let place = self.taken.fetch_add(1, Ordering::Relaxed);
        if let Some(rate) = self.rate.filter(|rate| *rate > 0.0) {
            let due = Duration::try_from_secs_f64(place as f64 / rate).unwrap_or(Duration::MAX);
            let early = due.saturating_sub(self.began.elapsed());
            if !early.is_zero() {
                clock::pause(early).await;
            }
        }
        self.length
            .is_none_or(|length| self.began.elapsed() < length)
    }
}

/// What all hands share.
#[derive(Debug)]
struct Job {
    flags: Arc<Flags>,
    pace: Pace,
    receipts: Receipts,
}

/// Lets all minions work; gives what came of it and how long it took.
pub(crate) async fn run(
    flags: &Arc<Flags>,
    minions: VecDeque<Minion>,
) -> io::Result<(Tally, Duration)> {
    let job = Arc::new(Job {
        flags: Arc::clone(flags),
        receipts: Receipts::open(flags.acknowledged.as_deref())?,
        pace: Pace {
            began: clock::now(),
            length: flags.length(),
            rate: flags.rate,
            taken: AtomicU64::new(0),
        },
    });
    let mut tasks = JoinSet::new();
    for hand in crowd::deal(minions, flags.at_once) {
        tasks.spawn(work(Arc::clone(&job), hand));
    }
    let mut total = Tally::default();
    for tally in tasks.join_all().await {
        total.add(tally);
    }
    Ok((total, job.pace.began.elapsed()))
}

/// One hand: its minions take turns.
async fn work(job: Arc<Job>, mut hand: Vec<Minion>) -> Tally {
    let mut tally = Tally::default();
    let rounds = match job.flags.length() {
        Some(_) => u64::MAX,
        None => job.flags.count,
    };
    for round in 0..rounds {
        for minion in &mut hand {
            if !job.pace.next().await {
                return tally;
            }
            let began = clock::now();
            let result = once(&job, minion, round).await;
            tally.count(began.elapsed(), &result);
            if matches!(result, Err(Failure::Broken(_))) {
                // The answer of a master that has forgotten the session: what a minion does next.
                let _ = minion.sign_in().await;
            }
        }
    }
    tally
}

async fn once(job: &Job, minion: &mut Minion, round: u64) -> Result<(), Failure> {
    let flags = &job.flags;
    match flags.mode {
        Mode::Auth => minion.sign_in().await.map(drop),
        Mode::Pillar => pillar(flags, minion, round).await,
        Mode::Files => fetch(minion, &flags.path).await.map(drop),
        Mode::Events => fire(flags, minion, round).await,
        Mode::Returns => give_back(job, minion, round).await,
        Mode::Mixed => match round % 4 {
            0 => pillar(flags, minion, round).await,
            1 => fetch(minion, &flags.path).await.map(drop),
            2 => fire(flags, minion, round).await,
            _ => give_back(job, minion, round).await,
        },
        // These have a module of their own and do not come here.
        Mode::Idle | Mode::Ping | Mode::Herd => Ok(()),
    }
}

async fn pillar(flags: &Flags, minion: &mut Minion, round: u64) -> Result<(), Failure> {
    let mut more = flags.grains.0.clone();
    if flags.fresh {
        more.insert("swarm_round", round);
    }
    minion.pillar(more).await.map(drop)
}

async fn fire(flags: &Flags, minion: &mut Minion, round: u64) -> Result<(), Failure> {
    let text = "x".repeat(flags.size);
    let data = Map::from([("round", Value::from(round)), ("text", Value::from(text))]);
    let tag = format!("swarm/{}/event", minion.peer.id);
    minion.fire(&tag, data).await.map(drop)
}

async fn give_back(job: &Job, minion: &mut Minion, round: u64) -> Result<(), Failure> {
    let Job {
        flags, receipts, ..
    } = job;
    let text = "x".repeat(flags.size);
    let turn = usize::try_from(round).unwrap_or_default() % flags.jids.len().max(1);
    // With this word for a jid a minion says that it started the job itself (`salt-call`).
    let jid = flags.jids.get(turn).map_or("req", String::as_str);
    minion.give_back(jid, "test.echo", text.as_str()).await?;
    receipts.note(&minion.peer.id);
    Ok(())
}

/// Fetches a file piece by piece as a minion does; gives its length in bytes.
async fn fetch(minion: &mut Minion, path: &str) -> Result<usize, Failure> {
    let mut length = 0;
    loop {
        let load = Map::from([
            ("id", Value::str(&minion.peer.id)),
            ("path", Value::str(path)),
            ("saltenv", Value::str("base")),
            ("loc", Value::from(length as u64)),
        ]);
        let answer = minion.ask("_serve_file", load).await?;
        let data = answer.get("data").and_then(Value::as_bytes);
        match data {
            Some(data) if !data.is_empty() => length += data.len(),
            _ => return Ok(length),
        }
    }
}
