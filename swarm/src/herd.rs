//! All minions sign in at the same moment, as after a restart of the master.
//!
//! Each waits as long as its patience lasts, drops the connection when it ends and asks again, as a
//! real minion does (`auth_timeout`). The time of a minion is from the start of the herd to its
//! acceptance.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::clock;
use crate::flags::Flags;
use crate::minion::{Failure, Minion};
use crate::peer::SignIn;
use crate::tally::Tally;

/// Sign-ins before a minion gives up: `auth_tries` of Salt's minions.
const TRIES: u32 = 7;

/// Lets all of them in at once.
pub(crate) async fn run(flags: &Flags, minions: VecDeque<Minion>) -> (Tally, Duration) {
    let began = clock::now();
    let waits = Waits {
        reconnect: Duration::from_millis(flags.reconnect),
        patience: flags.patience(),
    };
    let mut tasks = JoinSet::new();
    for minion in minions {
        tasks.spawn(async move { get_in(minion, began, waits).await });
    }
    let mut total = Tally::default();
    for tally in tasks.join_all().await {
        total.add(tally);
    }
    (total, began.elapsed())
}

/// How long a minion waits for what.
#[derive(Debug, Clone, Copy)]
struct Waits {
    reconnect: Duration,
    patience: Duration,
}

async fn get_in(mut minion: Minion, began: Instant, waits: Waits) -> Tally {
    let mut tally = Tally::default();
    for _ in 0..TRIES {
        match knock(&mut minion, waits).await {
            Ok(SignIn::Accepted) => {
                tally.good(began.elapsed());
                return tally;
            }
            Ok(other) => tally.bad("refused", &format!("{other:?}").to_lowercase()),
            Err(Failure::TimedOut) => tally.bad("timed_out", "no answer in time"),
            Err(failure) => {
                tally.bad("connection", &failure.to_string());
                clock::pause(waits.reconnect).await;
            }
        }
        minion.hang_up();
    }
    tally.bad("gave_up", "not in after all tries");
    tally
}

/// One try. Where nobody listens yet, it connects again and again as libzmq does behind a minion's
/// back, as long as its patience lasts.
async fn knock(minion: &mut Minion, waits: Waits) -> Result<SignIn, Failure> {
    let began = clock::now();
    loop {
        match minion.sign_in().await {
            Err(Failure::Io(error)) if error.kind() == ErrorKind::ConnectionRefused => {}
            answered => return answered,
        }
        if began.elapsed() >= waits.patience {
            return Err(Failure::TimedOut);
        }
        clock::pause(waits.reconnect).await;
    }
}
