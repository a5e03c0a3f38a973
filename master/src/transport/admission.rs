//! Who may connect, how many at once, and how much they may make us hold.
//!
//! Every limit is per server. One address reaching its limit leaves room for the others.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use minion_protocol::limits::REQUEST_BYTES_MAX;
use tokio::sync::Semaphore;

use crate::limits::{self, SMALL_REQUEST_BYTES};

/// What one server allows: [`crate::limits`], unless a test says otherwise.
#[derive(Debug, Clone)]
pub struct Limits {
    /// [`limits::CONNECTIONS_MAX`].
    pub connections_max: usize,
    /// [`limits::CONNECTIONS_PER_ADDRESS_MAX`].
    pub connections_per_address_max: usize,
    /// [`limits::HANDSHAKE_TIMEOUT`].
    pub handshake_timeout: Duration,
    /// [`limits::STALL_TIMEOUT`].
    pub stall_timeout: Duration,
    /// [`REQUEST_BYTES_MAX`].
    pub request_bytes_max: usize,
    /// [`limits::LARGE_REQUESTS_BYTES_MAX`].
    pub large_requests_bytes_max: usize,
    /// [`limits::OUTSTANDING_PER_CONNECTION_MAX`].
    pub outstanding_per_connection_max: usize,
    /// [`limits::OUTSTANDING_PER_ADDRESS_MAX`].
    pub outstanding_per_address_max: usize,
    /// [`limits::OUTSTANDING_MAX`].
    pub outstanding_max: usize,
    /// [`limits::SUBSCRIBER_MESSAGES_MAX`].
    pub subscriber_messages_max: usize,
    /// [`limits::SUBSCRIBER_BYTES_MAX`].
    pub subscriber_bytes_max: usize,
    /// [`limits::HEARTBEAT_INTERVAL`].
    pub heartbeat_interval: Duration,
    /// [`limits::HEARTBEAT_TIMEOUT`].
    pub heartbeat_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: limits::CONNECTIONS_MAX,
            connections_per_address_max: limits::CONNECTIONS_PER_ADDRESS_MAX,
            handshake_timeout: limits::HANDSHAKE_TIMEOUT,
            stall_timeout: limits::STALL_TIMEOUT,
            request_bytes_max: REQUEST_BYTES_MAX,
            large_requests_bytes_max: limits::LARGE_REQUESTS_BYTES_MAX,
            outstanding_per_connection_max: limits::OUTSTANDING_PER_CONNECTION_MAX,
            outstanding_per_address_max: limits::OUTSTANDING_PER_ADDRESS_MAX,
            outstanding_max: limits::OUTSTANDING_MAX,
            subscriber_messages_max: limits::SUBSCRIBER_MESSAGES_MAX,
            subscriber_bytes_max: limits::SUBSCRIBER_BYTES_MAX,
            heartbeat_interval: limits::HEARTBEAT_INTERVAL,
            heartbeat_timeout: limits::HEARTBEAT_TIMEOUT,
        }
    }
}

/// Counts connections.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    limits: Arc<Limits>,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_group: HashMap<IpAddr, OfAddress>,
}

#[derive(Debug)]
struct OfAddress {
    connections: usize,
    /// What its connections may have unanswered, all together.
    outstanding: Arc<Semaphore>,
}

/// A connection's place; dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Place {
    group: IpAddr,
    outstanding: Arc<Semaphore>,
    counts: Arc<Mutex<Counts>>,
}

impl Admission {
    pub(super) fn new(limits: Arc<Limits>) -> Self {
        Self {
            limits,
            counts: Arc::default(),
        }
    }

    /// Gives a place to a connection from `address`, if there is one.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Place> {
        let group = group(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let of_group = counts.by_group.get(&group);
        if counts.all >= self.limits.connections_max
            || of_group
                .is_some_and(|known| known.connections >= self.limits.connections_per_address_max)
        {
            return None;
        }
        counts.all += 1;
        let new = || OfAddress {
            connections: 0,
            outstanding: Arc::new(Semaphore::new(self.limits.outstanding_per_address_max)),
        };
        let of_group = counts.by_group.entry(group).or_insert_with(new);
        of_group.connections += 1;
        Some(Place {
            group,
            outstanding: Arc::clone(&of_group.outstanding),
            counts: self.counts.clone(),
        })
    }
}

impl Place {
    /// Gives what all connections of this address share.
    pub(super) fn outstanding(&self) -> &Arc<Semaphore> {
        &self.outstanding
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        if let Entry::Occupied(mut entry) = counts.by_group.entry(self.group) {
            entry.get_mut().connections -= 1;
            if entry.get().connections == 0 {
                entry.remove();
            }
        }
    }
}

/// Whoever has one IPv6 address has the 2^64 beside it.
pub(super) fn group(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from(u128::from(address) >> 64 << 64).into(),
        address => address,
    }
}

/// The bytes all large requests of a server may take together.
#[derive(Debug, Clone)]
pub(super) struct ByteBudget {
    taken: Arc<AtomicUsize>,
    max: usize,
}

/// Bytes somebody holds; dropping gives them back.
#[derive(Debug)]
pub(super) struct Held {
    budget: ByteBudget,
    bytes: usize,
}

impl ByteBudget {
    pub(super) fn new(max: usize) -> Self {
        Self {
            taken: Arc::default(),
            max,
        }
    }

    pub(super) fn hold_nothing(&self) -> Held {
        Held {
            budget: self.clone(),
            bytes: 0,
        }
    }
}

impl Held {
    /// Changes what is held to `bytes`; false if that is more than there is.
    pub(super) fn resize(&mut self, bytes: usize) -> bool {
        let bytes = bytes.saturating_sub(SMALL_REQUEST_BYTES);
        let taken = &self.budget.taken;
        if bytes <= self.bytes {
            taken.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        } else {
            let more = bytes - self.bytes;
            if taken.fetch_add(more, Ordering::Relaxed) + more > self.budget.max {
                taken.fetch_sub(more, Ordering::Relaxed);
                return false;
            }
        }
        self.bytes = bytes;
        true
    }

    /// Hands over what is held, keeping nothing.
    pub(super) fn split(&mut self) -> Held {
        let bytes = std::mem::take(&mut self.bytes);
        Held {
            budget: self.budget.clone(),
            bytes,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.taken.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_at_its_limit_leaves_room_for_others() {
        let admission = Admission::new(Arc::new(Limits {
            connections_per_address_max: 1,
            connections_max: 2,
            ..Limits::default()
        }));
        let near: IpAddr = "2001:db8::1".parse().expect("an address");
        let beside: IpAddr = "2001:db8::2".parse().expect("an address");
        let far: IpAddr = "192.0.2.1".parse().expect("an address");
        let first = admission.admit(near).expect("room");
        assert!(admission.admit(beside).is_none());
        let _second = admission.admit(far).expect("room");
        drop(first);
        assert!(admission.admit(beside).is_some());
    }

    #[test]
    fn held_bytes_come_back() {
        let budget = ByteBudget::new(1000);
        let mut held = budget.hold_nothing();
        assert!(held.resize(SMALL_REQUEST_BYTES + 900));
        let mut other = budget.hold_nothing();
        assert!(!other.resize(SMALL_REQUEST_BYTES + 200));
        assert!(other.resize(SMALL_REQUEST_BYTES));
        drop(held.split());
        assert!(other.resize(SMALL_REQUEST_BYTES + 1000));
    }
}
