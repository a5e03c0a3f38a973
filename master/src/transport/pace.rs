//! How often one address may sign in: a bucket of tokens for each.
//!
//! A sign-in is the one thing a stranger can ask that costs private-key operations and a synced
//! record. A site of thousands of minions behind one address has room; a flood has not.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::admission::group;

/// Sign-ins of one address at once: as many as it may have connections. A whole site comes back
/// after a restart of the master.
const BURST: f64 = 10_000.0;

/// Sign-ins of one address a second from then on: half of one processor's private-key operations.
const PER_SECOND: f64 = 200.0;

/// Addresses that are remembered. Full buckets are forgotten first; if none is full, strangers
/// share one bucket.
const ADDRESSES_MAX: usize = 16_384;

/// The buckets.
#[derive(Debug, Default)]
pub struct Pace {
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn full(now: Instant) -> Self {
        let tokens = BURST;
        Self { tokens, at: now }
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * PER_SECOND).min(BURST);
        self.at = now;
    }
}

impl Pace {
    /// Takes a token of an address; false if it has none left.
    pub fn take(&self, address: IpAddr) -> bool {
        self.take_at(address, Instant::now())
    }

    fn take_at(&self, address: IpAddr, now: Instant) -> bool {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = group(address);
        if !buckets.contains_key(&key) && buckets.len() >= ADDRESSES_MAX {
            buckets.retain(|_, bucket| {
                bucket.refill(now);
                bucket.tokens < BURST
            });
            if buckets.len() >= ADDRESSES_MAX {
                key = IpAddr::from([0, 0, 0, 0]);
            }
        }
        let bucket = buckets.entry(key).or_insert_with(|| Bucket::full(now));
        bucket.refill(now);
        let has_token = bucket.tokens >= 1.0;
        if has_token {
            bucket.tokens -= 1.0;
        }
        has_token
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn one_address_at_its_pace_leaves_others_theirs() {
        let pace = Pace::default();
        let now = Instant::now();
        let [flood, other] = [[192, 0, 2, 1], [192, 0, 2, 2]].map(IpAddr::from);
        let taken = (0..20_000).filter(|_| pace.take_at(flood, now)).count();
        assert_eq!(taken, 10_000);
        assert!(pace.take_at(other, now));
        let later = now + Duration::from_secs(1);
        let taken = (0..20_000).filter(|_| pace.take_at(flood, later)).count();
        assert_eq!(taken, 200);
    }

    #[tokio::test]
    async fn a_flood_of_addresses_shares_one_bucket() {
        let pace = Pace::default();
        let now = Instant::now();
        for number in 0..40_000_u32 {
            pace.take_at(IpAddr::V4(number.to_be_bytes().into()), now);
        }
        let known = pace.buckets.lock().expect("whole").len();
        assert!(known <= ADDRESSES_MAX + 1, "{known}");
    }
}
