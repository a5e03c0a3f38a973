//! Python's `random.Random` with a seed: the numbers that `random.seed` gives are the same on every
//! machine, and templates count on it to spread minions over time.

use openssl::sha::sha512;

const WORDS: usize = 624;
const MIDDLE: usize = 397;

/// The generator MT19937, seeded as Python seeds it.
pub(super) struct Mersenne {
    state: [u32; WORDS],
    next: usize,
}

impl Mersenne {
    /// Seeds with text: its bytes and their SHA-512, as one large number.
    pub(super) fn of_text(text: &[u8]) -> Self {
        let mut bytes = text.to_vec();
        bytes.extend_from_slice(&sha512(text));
        Self::of_bytes(&bytes)
    }

    /// Seeds with a whole number, whose sign does not count.
    pub(super) fn of_number(number: i128) -> Self {
        Self::of_bytes(&number.unsigned_abs().to_be_bytes())
    }

    /// Seeds with a number of any size, its highest byte first.
    fn of_bytes(bytes: &[u8]) -> Self {
        let mut key: Vec<u32> = bytes
            .rchunks(4)
            .map(|chunk| {
                chunk
                    .iter()
                    .fold(0, |word, byte| (word << 8) | u32::from(*byte))
            })
            .collect();
        while key.len() > 1 && key.last() == Some(&0) {
            key.pop();
        }
        if key.is_empty() {
            key.push(0);
        }
        Self::of_key(&key)
    }

    fn of_key(key: &[u32]) -> Self {
        let mut state = [0u32; WORDS];
        state[0] = 19_650_218;
        for i in 1..WORDS {
            let before = state[i - 1] ^ (state[i - 1] >> 30);
            state[i] = 1_812_433_253u32.wrapping_mul(before).wrapping_add(i as u32);
        }
        let (mut i, mut j) = (1, 0);
        for _ in 0..WORDS.max(key.len()) {
            let before = state[i - 1] ^ (state[i - 1] >> 30);
            state[i] = (state[i] ^ before.wrapping_mul(1_664_525))
                .wrapping_add(key[j])
                .wrapping_add(j as u32);
            (i, j) = (i + 1, (j + 1) % key.len());
            if i >= WORDS {
                state[0] = state[WORDS - 1];
                i = 1;
            }
        }
        for _ in 1..WORDS {
            let before = state[i - 1] ^ (state[i - 1] >> 30);
            state[i] = (state[i] ^ before.wrapping_mul(1_566_083_941)).wrapping_sub(i as u32);
            i += 1;
            if i >= WORDS {
                state[0] = state[WORDS - 1];
                i = 1;
            }
        }
        state[0] = 0x8000_0000;
        Self { state, next: WORDS }
    }

    fn word(&mut self) -> u32 {
        if self.next >= WORDS {
            for i in 0..WORDS {
                let pair =
                    (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % WORDS] & 0x7fff_ffff);
                let odd = if pair & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[i] = self.state[(i + MIDDLE) % WORDS] ^ (pair >> 1) ^ odd;
            }
            self.next = 0;
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    /// Gives a number below `end`, which is above 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        let bits = u64::BITS - end.leading_zeros();
        loop {
            let drawn = if bits <= 32 {
                u64::from(self.word() >> (32 - bits))
            } else {
                let low = u64::from(self.word());
                low | (u64::from(self.word() >> (64 - bits)) << 32)
            };
            if drawn < end {
                return drawn;
            }
        }
    }

    /// Draws `size` places out of `count`, as `random.sample` does.
    pub(super) fn sample(&mut self, count: usize, size: usize) -> Vec<usize> {
        let mut set_size = 21.0;
        if size > 5 {
            set_size += 4f64.powf(((size * 3) as f64).log(4.0).ceil());
        }
        let mut drawn = Vec::with_capacity(size);
        if count as f64 <= set_size {
            let mut pool: Vec<usize> = (0..count).collect();
            for i in 0..size {
                let place = self.below((count - i) as u64) as usize;
                drawn.push(pool[place]);
                pool[place] = pool[count - i - 1];
            }
        } else {
            while drawn.len() < size {
                let place = self.below(count as u64) as usize;
                if !drawn.contains(&place) {
                    drawn.push(place);
                }
            }
        }
        drawn
    }
}
