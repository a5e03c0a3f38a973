//! What goes wrong: drawn from the seed, or given by a named scenario.

use std::ops::RangeInclusive;

use crate::random::Random;

/// Which faults a scenario has.
#[derive(Debug, Clone)]
pub enum Faults {
    /// So many, drawn from the seed.
    Drawn(RangeInclusive<u64>),
    /// These.
    Given(Vec<Fault>),
}

/// When something goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// So many milliseconds after the start.
    At(u64),
    /// With the append of this number, counted over the whole life of the disk.
    Append(u64),
    /// Before the effect of this number is performed, counted over all lives of the master.
    Effect(u64),
}

/// How a master dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// Before the append is durable: nothing of the batch is there.
    BeforeSync,
    /// In the middle of the append: a torn batch, which the store must not show.
    Torn,
    /// After the append, before anything it leads to.
    AfterSync,
    /// After the effects began to be performed, or wherever the moment finds it.
    Anywhere,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The master is killed and comes back after so many milliseconds.
    Kill {
        /// When.
        moment: Moment,
        /// How.
        death: Death,
        /// For how long.
        down_ms: u64,
    },
    /// The disk gives errors for a while.
    Eio {
        /// When, in milliseconds.
        at: u64,
        /// For how long.
        for_ms: u64,
    },
    /// The disk is full for a while.
    Full {
        /// When, in milliseconds.
        at: u64,
        /// For how long.
        for_ms: u64,
    },
    /// The wall clock jumps.
    Clock {
        /// When, in milliseconds.
        at: u64,
        /// How far, in milliseconds.
        by_ms: i64,
    },
    /// Frames are lost, doubled, delayed and overtake each other for a while.
    Frames {
        /// When, in milliseconds.
        at: u64,
        /// For how long.
        for_ms: u64,
        /// Of a hundred, so many are lost.
        lost: u64,
        /// Of a hundred, so many come twice.
        doubled: u64,
        /// They are late by up to so many milliseconds.
        late_ms: u64,
    },
    /// A machine restarts although nobody asked it to.
    Reboot {
        /// When, in milliseconds.
        at: u64,
        /// Which.
        node: usize,
        /// For how long it is away.
        off_ms: u64,
        /// Whether it does so again as soon as it is back.
        is_twice: bool,
    },
    /// A machine is cut off for a while.
    Cut {
        /// When, in milliseconds.
        at: u64,
        /// Which.
        node: usize,
        /// For how long.
        for_ms: u64,
    },
    /// A machine returns an old job once more.
    LateReturn {
        /// When, in milliseconds.
        at: u64,
        /// Which.
        node: usize,
    },
    /// A machine asks for the token although it is no reader of it.
    Spy {
        /// When, in milliseconds.
        at: u64,
    },
    /// The operator calls the run off.
    CallOff {
        /// When, in milliseconds.
        at: u64,
    },
    /// The next start event of a machine is lost for good.
    MuteStart {
        /// When, in milliseconds.
        at: u64,
        /// Which.
        node: usize,
    },
    /// A stranger with another key calls itself by a machine's id.
    Twin {
        /// When, in milliseconds.
        at: u64,
        /// Which.
        node: usize,
    },
}

impl Fault {
    /// When it begins, in microseconds since the start.
    pub(super) fn at_micros(self) -> u64 {
        let ms = match self {
            Fault::Kill {
                moment: Moment::At(at),
                ..
            } => at,
            Fault::Kill { .. } => 0,
            Fault::Eio { at, .. }
            | Fault::Full { at, .. }
            | Fault::Clock { at, .. }
            | Fault::Frames { at, .. }
            | Fault::Reboot { at, .. }
            | Fault::Cut { at, .. }
            | Fault::LateReturn { at, .. }
            | Fault::Spy { at }
            | Fault::MuteStart { at, .. }
            | Fault::Twin { at, .. }
            | Fault::CallOff { at } => at,
        };
        ms * 1_000
    }
}

/// How long an undisturbed run takes at most, in milliseconds: faults fall into this time.
const RUN_MS: u64 = 420_000;

/// Appends of an undisturbed run with two machines, about.
const APPENDS: u64 = 140;

/// Effects of an undisturbed run with two machines, about.
const EFFECTS: u64 = 120;

/// The longest outage of the master that is drawn: a minion gives a return up after nine minutes.
const DOWN_MS_MAX: u64 = 180_000;

/// Draws so many faults.
pub(crate) fn draw(chance: &mut Random, count: u64, nodes: usize) -> Vec<Fault> {
    (0..count).map(|_| one(chance, nodes)).collect()
}

/// Draws what was thought of later; from a generator of its own, so that what is drawn beside it
/// stays what it was.
pub(crate) fn draw_later(chance: &mut Random, nodes: usize) -> Vec<Fault> {
    let count = chance.within(1..4);
    let mut one = || {
        let (at, node) = (chance.within(0..RUN_MS), chance.within(0..nodes as u64));
        let node = node as usize;
        Fault::MuteStart { at, node }
    };
    (0..count).map(|_| one()).collect()
}

/// Draws whether and when the operator calls the run off.
pub(crate) fn call_off(chance: &mut Random) -> Option<Fault> {
    let at = chance.within(0..RUN_MS);
    (chance.within(0..4) == 0).then_some(Fault::CallOff { at })
}

fn one(chance: &mut Random, nodes: usize) -> Fault {
    let at = chance.within(0..RUN_MS);
    let node = chance.within(0..nodes as u64) as usize;
    let longest = chance_scale(chance);
    let for_ms = 100 + chance.within(0..longest);
    match chance.within(0..20) {
        0..=6 => Fault::Kill {
            moment: moment(chance, at),
            death: [
                Death::BeforeSync,
                Death::Torn,
                Death::AfterSync,
                Death::Anywhere,
                Death::Anywhere,
            ][chance.within(0..5) as usize],
            down_ms: 50 + chance.within(0..DOWN_MS_MAX) / chance.within(1..200),
        },
        7 => Fault::Eio { at, for_ms },
        8 => Fault::Full { at, for_ms },
        9 | 10 => Fault::Clock {
            at,
            by_ms: clock_jump(chance),
        },
        11..=13 => Fault::Frames {
            at,
            for_ms,
            lost: chance.within(0..50),
            doubled: chance.within(0..30),
            late_ms: chance.within(1..20_000) / chance.within(1..100),
        },
        14..=16 => Fault::Reboot {
            at,
            node,
            off_ms: 500 + chance.within(0..90_000) / chance.within(1..20),
            is_twice: chance.within(0..4) == 0,
        },
        17 => Fault::Cut { at, node, for_ms },
        18 => match chance.within(0..2) {
            0 => Fault::Spy { at },
            _ => Fault::LateReturn { at, node },
        },
        _ => Fault::Twin { at, node },
    }
}

/// Most disturbances are short, some last minutes.
fn chance_scale(chance: &mut Random) -> u64 {
    [1_000, 10_000, 60_000, 120_000][chance.within(0..4) as usize]
}

fn clock_jump(chance: &mut Random) -> i64 {
    let size = [1_500, 60_000, 3_600_000, 86_400_000][chance.within(0..4) as usize];
    let by = chance.within(0..size) as i64;
    if chance.within(0..2) == 0 { by } else { -by }
}

fn moment(chance: &mut Random, at: u64) -> Moment {
    match chance.within(0..3) {
        0 => Moment::At(at),
        1 => Moment::Append(1 + chance.within(0..APPENDS)),
        _ => Moment::Effect(1 + chance.within(0..EFFECTS)),
    }
}
