//! How often one address may sign in: a bucket of tokens for each.
//!
//! A sign-in is the one thing a stranger can ask that costs private-key operations and a synced
//! record. A site of thousands of minions behind one address has room; a flood has not.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::admission::group;
use crate::limits::{SIGN_IN_ADDRESSES_MAX, SIGN_IN_BURST, SIGN_INS_PER_SECOND};

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
        let tokens = SIGN_IN_BURST;
        Self { tokens, at: now }
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.duration_since(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * SIGN_INS_PER_SECOND).min(SIGN_IN_BURST);
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
        if !buckets.contains_key(&key) && buckets.len() >= SIGN_IN_ADDRESSES_MAX {
            buckets.retain(|_, bucket| {
                bucket.refill(now);
                bucket.tokens < SIGN_IN_BURST
            });
            if buckets.len() >= SIGN_IN_ADDRESSES_MAX {
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
        assert!(known <= SIGN_IN_ADDRESSES_MAX + 1, "{known}");
    }
}
