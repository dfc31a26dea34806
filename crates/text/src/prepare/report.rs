//! What a preparation tells of a corpus.

use super::clean::Cleaned;
use super::config::PrepareConfig;
use super::divide::Divided;
use super::given::GivenReport;
use super::measure::{Histogram, SideReport};
use super::pieces::Measured;
use super::reason::Dropped;
use crate::{Languages, Split};
use serde::{Deserialize, Serialize};

/// A prepared corpus in numbers. It says nothing of times: the same corpus gives the same report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The raw files of train, by name.
    pub files: Vec<String>,
    /// Of the two sides.
    pub languages: Languages,
    /// How it was prepared.
    pub config: PrepareConfig,
    /// Pairs read of them.
    pub read: u64,
    /// Pairs of them that were dropped, by reason.
    pub dropped: Vec<Dropped>,
    /// Parts that the user brought.
    pub given: Vec<GivenReport>,
    /// Pairs of a given valid that share a sentence with a given test.
    pub overlap: u64,
    /// Train, valid and test.
    pub parts: Vec<PartReport>,
    /// Target characters for each of the source's in what the first cleaning left.
    pub ratio: f64,
    /// Pairs of train by the ratio of their lengths.
    pub ratios: Histogram,
    /// Sets of pairs that share no sentence with others.
    pub components: usize,
    /// Pairs of the largest of them.
    pub largest_component: usize,
}

/// A part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartReport {
    /// `train`, `valid` or `test`.
    pub name: String,
    /// Its pairs.
    pub pairs: usize,
    /// Its source and its target.
    pub sides: [SideReport; 2],
}

impl Report {
    pub(super) fn new(
        files: Vec<String>,
        languages: &Languages,
        config: &PrepareConfig,
        cleaned: Cleaned,
        given: Vec<GivenReport>,
        divided: Divided,
        measured: Measured,
    ) -> Report {
        let sizes = Split::ALL.into_iter().zip(divided.pairs).zip(measured.sides);
        let parts = sizes.map(|((split, pairs), sides)| PartReport { name: split.name().to_owned(), pairs, sides });
        Report {
            files,
            languages: languages.clone(),
            config: config.clone(),
            read: cleaned.read,
            dropped: cleaned.dropped.into_iter().chain(divided.dropped).collect(),
            given,
            overlap: divided.overlap,
            parts: parts.collect(),
            ratio: divided.ratio,
            ratios: measured.ratios,
            components: divided.components,
            largest_component: divided.largest_component,
        }
    }

    /// Pairs that are left of the raw files of train.
    pub fn kept(&self) -> u64 {
        self.read - self.dropped.iter().map(|d| d.count).sum::<u64>()
    }
}
