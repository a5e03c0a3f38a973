//! Ports for masters: pairs that nobody listens on.
//!
//! They lie below the range from which the kernel gives ports to connections, so that a master that
//! is down for a moment does not lose its port to a client. A pair is kept for the program that
//! asked first, for as long as that runs: another one would take it while a master is restarted.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

const FIRST: u16 = 16_000;
const PAIRS: u16 = 8_000;

/// Whoever listens here on the first port of a pair has the pair.
const RESERVED_AT: Ipv4Addr = Ipv4Addr::new(127, 77, 0, 3);

static NEXT: AtomicU16 = AtomicU16::new(0);

/// Finds two ports.
///
/// # Panics
/// All are taken.
pub fn pair() -> (u16, u16) {
    // Programs that run at the same time begin at different places.
    let start = (std::process::id() % u32::from(PAIRS)) as u16;
    for _ in 0..PAIRS {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let first = FIRST + (start.wrapping_add(step) % PAIRS) * 2;
        let Ok(reserved) = TcpListener::bind((RESERVED_AT, first)) else {
            continue;
        };
        let is_free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if is_free(first) && is_free(first + 1) {
            // Until the program ends.
            std::mem::forget(reserved);
            return (first, first + 1);
        }
    }
    panic!(
        "no two free ports between {FIRST} and {}",
        FIRST + PAIRS * 2
    );
}
