//! Counter-based random numbers: the n-th number of a stream depends on the stream's key and n alone.
//!
//! The generator is SplitMix64 (Steele, Lea and Flood 2014), whose n-th output is a hash of `key + n * gamma`. It passes
//! BigCrush and, being a few lines, gives the same corpus and the same batches on every platform and in every release.

/// 2^64 over the golden ratio, made odd.
const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// A stream of random numbers.
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The stream that these words name; different words give unrelated streams.
    pub(crate) fn stream(words: &[u64]) -> Random {
        Random { state: words.iter().fold(0, |key, &w| mix(key ^ w).wrapping_add(GAMMA)) }
    }

    /// A number below `bound`. Panics where `bound` is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "a random number below 0");
        // The high word of a 64 x 64 bit product; its bias, bound / 2^64, is beyond what could be seen.
        ((self.bits() as u128 * bound as u128) >> 64) as usize
    }

    /// One of `items`. Panics where there are none.
    pub(crate) fn choose<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// Fisher and Yates's shuffle.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        mix(self.state)
    }
}

fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_keeps_everything_and_depends_on_the_stream_alone() {
        let shuffled = |words: &[u64]| {
            let mut items: Vec<u32> = (0..1000).collect();
            Random::stream(words).shuffle(&mut items);
            items
        };
        let once = shuffled(&[1, 2]);
        assert_eq!(once, shuffled(&[1, 2]));
        assert_ne!(once, shuffled(&[2, 1]));
        let mut sorted = once;
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..1000));
    }

    #[test]
    fn numbers_are_spread_evenly() {
        let mut random = Random::stream(&[7]);
        let mut seen = [0usize; 10];
        (0..100_000).for_each(|_| seen[random.below(10)] += 1);
        // Each is binomial(100000, 0.1): standard deviation 95, so 500 is more than five of them.
        assert!(seen.iter().all(|n| n.abs_diff(10_000) < 500), "{seen:?}");
    }
}
