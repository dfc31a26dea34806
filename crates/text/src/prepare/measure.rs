//! What prepared text measures.

use super::hash::hash;
use crate::{Split, Vocabulary};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Counts by bucket, from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram(pub Vec<u64>);

impl Histogram {
    /// One more in a bucket.
    pub(super) fn add(&mut self, bucket: usize) {
        if self.0.len() <= bucket {
            self.0.resize(bucket + 1, 0);
        }
        self.0[bucket] += 1;
    }
}

/// Characters of a bucket of lengths.
pub const LENGTH_BUCKET: usize = 10;

/// Buckets of lengths; the last holds all that is longer.
pub const LENGTH_BUCKETS: usize = 26;

/// Buckets of ratios, a fifth of a doubling each, from an eighth to eight; the first and last hold what is beyond.
pub const RATIO_BUCKETS: usize = 31;

/// Buckets in a doubling.
const RATIO_STEPS: f64 = 5.0;

/// The bucket of so many target characters for so many of the source's.
pub(super) fn ratio_bucket(source: usize, target: usize) -> usize {
    let doublings = (target.max(1) as f64 / source.max(1) as f64).log2();
    let middle = (RATIO_BUCKETS / 2) as f64;
    (doublings * RATIO_STEPS + middle).round().clamp(0.0, (RATIO_BUCKETS - 1) as f64) as usize
}

/// The ratio that stands in the middle of a bucket.
pub fn ratio_of_bucket(bucket: usize) -> f64 {
    ((bucket as f64 - (RATIO_BUCKETS / 2) as f64) / RATIO_STEPS).exp2()
}

/// Words seen in training, by their hashes.
pub(super) type Words = HashSet<u64>;

/// One side of one part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideReport {
    /// Lines.
    pub lines: u64,
    /// Unicode characters, ends of lines left out.
    pub characters: u64,
    /// What white space separates.
    pub words: u64,
    /// Words that `train` does not have; in `train`, its distinct words.
    pub new_words: u64,
    /// Pieces of the BPE.
    pub pieces: u64,
    /// Pieces that the dictionary lacks.
    pub unknown_pieces: u64,
    /// Pieces of the longest line.
    pub most_pieces: u64,
    /// Ids of the dictionary, special ones included.
    pub dictionary: usize,
    /// Pieces of the dictionary that stand in `train` less than ten times.
    pub rare_pieces: usize,
    /// Lines by characters, [`LENGTH_BUCKET`] to a bucket.
    pub lengths: Histogram,
}

impl SideReport {
    pub(super) fn new(vocabulary: &Vocabulary) -> SideReport {
        let counts = (0..vocabulary.len() as u32).map(|id| vocabulary.count(id));
        let rare_pieces = counts.filter(|n| (1..10).contains(n)).count();
        SideReport { dictionary: vocabulary.len(), rare_pieces, ..SideReport::default() }
    }

    pub(super) fn add(&mut self, line: &str, pieces: usize, unknown: usize, words: &mut Words, split: Split) {
        let characters = line.chars().count();
        self.lines += 1;
        self.characters += characters as u64;
        self.pieces += pieces as u64;
        self.unknown_pieces += unknown as u64;
        self.most_pieces = self.most_pieces.max(pieces as u64);
        self.lengths.add((characters / LENGTH_BUCKET).min(LENGTH_BUCKETS - 1));
        for word in line.split_whitespace() {
            self.words += 1;
            let new = match split {
                Split::Train => words.insert(hash(word)),
                Split::Valid | Split::Test => !words.contains(&hash(word)),
            };
            self.new_words += u64::from(new);
        }
    }
}
