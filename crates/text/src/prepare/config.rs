//! How a corpus is prepared, as a user writes it in the `[prepare]` table of a configuration.

use super::normal::{Casing, Normalization, TextForm};
use super::reason::Reason;
use crate::{PieceCount, TextError};
use serde::{Deserialize, Serialize};

/// What BPE and dictionaries are made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BpeSides {
    /// One BPE learnt from both sides; each side has a dictionary of the pieces that stand in it.
    #[default]
    Joint,
    /// One BPE and one dictionary for both sides, for models whose embeddings are all shared.
    Shared,
    /// Each side its own BPE and dictionary.
    PerSide,
}

/// The `[prepare]` table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct PrepareConfig {
    /// How characters are normalised.
    pub normalize: Normalization,
    /// Letters of both cases, or only small ones.
    pub casing: Casing,
    /// Reasons for which pairs are not dropped.
    pub keep: Vec<Reason>,
    /// Bytes of a line that are read; longer lines are dropped.
    pub max_line_bytes: usize,
    /// The fewest characters of a side.
    pub min_chars: usize,
    /// The most.
    pub max_chars: usize,
    /// How many times longer than the other a side may be, once lengths are divided by the corpus's own means.
    pub max_ratio: f64,
    /// Pairs of train to choose by, where there are no files of them; 1000 unless given, a twentieth of a small corpus.
    pub valid: Option<usize>,
    /// Pairs of train to report on, where there are no files of them; 1000 unless given, a twentieth of a small corpus.
    pub test: Option<usize>,
    /// Draws what is held out.
    pub seed: u64,
    /// What BPE is learnt from.
    pub bpe: BpeSides,
    /// The most pieces of a BPE, single characters included. A dictionary has those that stand in its text, the four special ones, and up
    /// to seven that bring it to a multiple of eight.
    pub vocabulary: Option<usize>,
    /// Merges of the BPE, in place of its pieces.
    pub merges: Option<usize>,
    /// The most lines of a side that BPE is learnt from, drawn evenly.
    pub bpe_lines: usize,
}

/// Pieces unless told otherwise: a word of everyday language is mostly one piece, and a small model's tables stay small.
const VOCABULARY: usize = 8000;

impl Default for PrepareConfig {
    fn default() -> PrepareConfig {
        PrepareConfig {
            normalize: Normalization::default(),
            casing: Casing::default(),
            keep: Vec::new(),
            max_line_bytes: 1 << 16,
            min_chars: 1,
            max_chars: 1000,
            max_ratio: 3.0,
            valid: None,
            test: None,
            seed: 1,
            bpe: BpeSides::default(),
            vocabulary: None,
            merges: None,
            bpe_lines: 1_000_000,
        }
    }
}

impl PrepareConfig {
    /// Errors: the first setting out of range, with what is allowed.
    pub fn validate(&self) -> Result<(), TextError> {
        let range = |name, value: usize, holds, expected| check(name, value.to_string(), holds, expected);
        let always = [Reason::OverLongLine, Reason::InvalidUtf8, Reason::Malformed, Reason::Empty];
        let kept = self.keep.iter().find(|r| always.contains(r));
        let value = kept.map_or(String::new(), |r| r.name());
        check("keep", value, kept.is_none(), "pairs that are broken or empty cannot be kept")?;
        let bytes = self.max_line_bytes;
        range("max-line-bytes", bytes, (16..=1 << 24).contains(&bytes), "must be from 16 to 16777216")?;
        range("min-chars", self.min_chars, self.min_chars <= self.max_chars, "must be at most max-chars")?;
        let ratio = self.max_ratio;
        check("max-ratio", ratio.to_string(), ratio.is_finite() && ratio >= 1.0, "must be a number of at least 1")?;
        for (name, wanted) in [("valid", self.valid), ("test", self.test)] {
            range(name, wanted.unwrap_or(1), wanted != Some(0), "must be at least 1: training needs all three parts")?;
        }
        let pieces = self.vocabulary.unwrap_or(VOCABULARY);
        range("vocabulary", pieces, (16..=1_000_000).contains(&pieces), "must be from 16 to 1000000")?;
        let merges = self.merges.unwrap_or(0);
        range("merges", merges, merges <= 1_000_000, "must be at most 1000000")?;
        let both = self.vocabulary.is_some() && self.merges.is_some();
        range("merges", merges, !both, "give either the vocabulary or the merges")?;
        range("bpe-lines", self.bpe_lines, self.bpe_lines > 0, "must be at least 1")
    }

    /// What every line goes through.
    pub fn text_form(&self) -> TextForm {
        TextForm { normalization: self.normalize, casing: self.casing }
    }

    /// How many pieces to learn.
    pub fn pieces(&self) -> PieceCount {
        match self.merges {
            Some(merges) => PieceCount::Merges(merges),
            None => PieceCount::Vocabulary(self.vocabulary.unwrap_or(VOCABULARY)),
        }
    }

    /// Whether pairs are dropped for this reason.
    pub(super) fn drops(&self, reason: Reason) -> bool {
        !self.keep.contains(&reason)
    }
}

fn check(name: &'static str, value: String, holds: bool, expected: &'static str) -> Result<(), TextError> {
    if holds { Ok(()) } else { Err(TextError::Setting { name, value, expected }) }
}
