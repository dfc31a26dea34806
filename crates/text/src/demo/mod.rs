//! A corpus that needs no data: German number words, prices, dates, times and short sentences around them, with their
//! English, from a grammar.
//!
//! It is small in vocabulary and large in sentences, and not to be had by heart: German says units before tens, counts
//! the half hour towards the next one and puts participles last. Text is tokenised and lowercased as corpora are.

mod english;
mod german;
mod grammar;
mod phrases;

use crate::random::Random;
use crate::{TextPair, Texts};
use std::collections::HashSet;

pub use english::{cardinal as english_cardinal, ordinal as english_ordinal};
pub use german::{cardinal as german_cardinal, ordinal as german_ordinal};

/// Merges with which nearly every word but the numbers is one piece, and numbers are cut into theirs.
pub const MERGES: usize = 800;

/// Numbers of pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoSizes {
    /// To learn from.
    pub train: usize,
    /// To choose by.
    pub valid: usize,
    /// To report on.
    pub test: usize,
}

impl Default for DemoSizes {
    fn default() -> DemoSizes {
        DemoSizes { train: 200_000, valid: 1_000, test: 1_000 }
    }
}

/// A corpus of distinct German sentences with their English: the same for the same sizes and seed, and no sentence of
/// one part in another. The grammar holds millions of sentences; asking for more than it has would never end.
pub fn generate(sizes: DemoSizes, seed: u64) -> Texts {
    let mut random = Random::stream(&[seed]);
    let mut seen = HashSet::new();
    let mut part = |pairs: usize| {
        let mut text = TextPair::default();
        while text.len() < pairs {
            let pair = grammar::sentence(&mut random);
            if seen.insert(pair.german.clone()) {
                text.source.push(pair.german);
                text.target.push(pair.english);
            }
        }
        text
    };
    // The parts to be held out come first, so that they stay the same whatever the size of the rest.
    let test = part(sizes.test);
    let valid = part(sizes.valid);
    Texts { train: part(sizes.train), valid, test }
}
