//! Changed inputs from a fixed seed, for the short run that every machine can do.
//!
//! What libFuzzer does with coverage, this does blindly: it cuts, repeats, flips, joins two inputs
//! and puts words of a dictionary in. The same seed gives the same inputs on every machine.

/// The longest input that is made, in bytes.
const MAX_LENGTH: usize = 4_096;

/// The most changes of one input.
const MAX_CHANGES: usize = 6;

/// Draws changed inputs.
pub struct Mutator {
    state: u64,
    seeds: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
}

impl Mutator {
    /// Takes the inputs to begin with and the words to put in.
    pub fn new(seed: u64, seeds: Vec<Vec<u8>>, words: Vec<Vec<u8>>) -> Self {
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        Self {
            state,
            seeds,
            words,
        }
    }

    /// Makes the next input.
    pub fn draw(&mut self) -> Vec<u8> {
        let mut input = self.pick_seed();
        for _ in 0..=self.below(MAX_CHANGES) {
            self.change(&mut input);
        }
        input.truncate(MAX_LENGTH);
        input
    }

    /// Xorshift: good enough to be blind, and the same everywhere.
    fn below(&mut self, end: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state >> 33).unwrap_or(0) % end.max(1)
    }

    fn pick_seed(&mut self) -> Vec<u8> {
        let index = self.below(self.seeds.len());
        self.seeds.get(index).cloned().unwrap_or_default()
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = (at + 1 + self.below(12)).min(input.len());
        match self.below(7) {
            0 => drop(input.drain(at.min(end)..end)),
            1 => {
                let piece = input[at.min(end)..end].to_vec();
                for _ in 0..=self.below(4) {
                    input.splice(at..at, piece.iter().copied());
                }
            }
            2 => {
                let byte = u8::try_from(self.below(128)).unwrap_or(b' ');
                input.insert(at, byte);
            }
            3 if at < input.len() => input[at] ^= 1 << self.below(8),
            4 => {
                let other = self.pick_seed();
                let from = self.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => {
                let index = self.below(self.words.len());
                let word = self.words.get(index).cloned().unwrap_or_default();
                input.splice(at..at, word);
            }
        }
    }
}
