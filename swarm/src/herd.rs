//! All minions sign in at the same moment, as after a restart of the master.
//!
//! Each waits as long as its patience lasts, drops the connection when it ends and asks again, as a
//! real minion does (`auth_timeout`). The time of a minion is from the start of the herd to its
//! acceptance.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::clock;
use crate::minion::{Failure, Minion};
use crate::peer::SignIn;
use crate::tally::Tally;

/// Sign-ins before a minion gives up: `auth_tries` of Salt's minions.
const TRIES: u32 = 7;

/// Between two tries after a refused connection; a master that starts is not there yet.
const RETRY: Duration = Duration::from_millis(100);

/// Lets all of them in at once.
pub(crate) async fn run(minions: VecDeque<Minion>) -> (Tally, Duration) {
    let began = clock::now();
    let mut tasks = JoinSet::new();
    for minion in minions {
        tasks.spawn(async move { get_in(minion, began).await });
    }
    let mut total = Tally::default();
    for tally in tasks.join_all().await {
        total.add(tally);
    }
    (total, began.elapsed())
}

async fn get_in(mut minion: Minion, began: std::time::Instant) -> Tally {
    let mut tally = Tally::default();
    let mut tries = 0;
    while tries < TRIES {
        match minion.sign_in().await {
            Ok(SignIn::Accepted) => {
                tally.good(began.elapsed());
                return tally;
            }
            Ok(other) => tally.bad("refused", &format!("{other:?}").to_lowercase()),
            Err(Failure::TimedOut) => tally.bad("timed_out", "no answer in time"),
            Err(failure) => {
                tally.bad("connection", &failure.to_string());
                clock::pause(RETRY).await;
            }
        }
        minion.hang_up();
        tries += 1;
    }
    tally.bad("gave_up", "not in after all tries");
    tally
}
