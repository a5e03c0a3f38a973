//! The network between minions and the master: how long a frame takes, and what becomes of it while
//! something is wrong.

use crate::random::Random;

/// One disturbance of frames.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Disturbance {
    /// Of a hundred frames, so many are lost with their connection.
    pub(crate) lost: u64,
    /// Of a hundred frames, so many come twice.
    pub(crate) doubled: u64,
    /// Up to so many milliseconds late.
    pub(crate) late_ms: u64,
    /// Until when, in microseconds since the start.
    pub(crate) until: u64,
}

/// What the network does.
#[derive(Debug, Default)]
pub(crate) struct Network {
    disturbances: Vec<Disturbance>,
    /// For each machine, until when it is cut off, in microseconds since the start.
    cuts: Vec<u64>,
}

/// An undisturbed frame takes at most so long, in microseconds.
const FRAME_MICROS_MAX: u64 = 5_000;

impl Network {
    pub(crate) fn new(nodes: usize) -> Self {
        Self {
            disturbances: Vec::new(),
            cuts: vec![0; nodes],
        }
    }

    pub(crate) fn disturb(&mut self, disturbance: Disturbance) {
        self.disturbances.push(disturbance);
    }

    pub(crate) fn cut(&mut self, node: usize, until: u64) {
        self.cuts[node] = self.cuts[node].max(until);
    }

    /// Gives when a frame that is sent now arrives, each time it does; never, if it is lost. What
    /// is sent into a cut arrives when the cut is over: the transport repeats it.
    pub(crate) fn arrivals(&mut self, chance: &mut Random, node: usize, now: u64) -> Vec<u64> {
        self.disturbances.retain(|one| one.until > now);
        let sent = now.max(self.cuts[node]);
        let mut arrivals = vec![sent + 1 + chance.within(0..FRAME_MICROS_MAX)];
        for one in &self.disturbances {
            if chance.within(0..100) < one.lost {
                return Vec::new();
            }
            arrivals[0] += chance.within(0..one.late_ms * 1000);
            if chance.within(0..100) < one.doubled {
                let again = sent + 1 + chance.within(0..(one.late_ms + 5) * 1000);
                arrivals.push(again);
            }
        }
        arrivals
    }
}
