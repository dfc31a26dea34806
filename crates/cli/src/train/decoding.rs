//! How a model is to translate: the `[decoding]` table of a preset, and of a model's card.

use lsra_infer::GeneratorConfig;
use serde::{Deserialize, Serialize};

/// The table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Decoding {
    /// Hypotheses kept at each step.
    pub beam: usize,
    /// p of scores, log-probability / length^p: a number, or `"by-valid"` in a training.
    pub length_penalty: LengthPenalty,
    /// The fewest tokens of a translation.
    pub min_length: usize,
    /// The most.
    pub max_length: usize,
    /// Sequences of so many tokens may not come twice; 0 allows all.
    pub no_repeat_ngram: usize,
}

/// A length penalty, or that a training is to choose one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number or \"by-valid\"")]
pub enum LengthPenalty {
    /// This one.
    Fixed(f32),
    /// Once the weights are there, the one of [`LengthPenalty::CHOICE`] whose translations of valid score best.
    Chosen(ByValid),
}

/// Its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ByValid {
    /// As it is written.
    ByValid,
}

impl LengthPenalty {
    /// What is chosen from: from that of WMT, 0.6, over IWSLT's, 1, to such as models need that end too early.
    pub const CHOICE: [f32; 6] = [0.6, 1.0, 1.4, 1.8, 2.2, 2.6];

    /// The one with the highest score, the first of equals.
    pub(super) fn best(mut score: impl FnMut(f32) -> f64) -> f32 {
        let mut best = (LengthPenalty::CHOICE[0], f64::NEG_INFINITY);
        for penalty in LengthPenalty::CHOICE {
            let score = score(penalty);
            if score > best.1 {
                best = (penalty, score);
            }
        }
        best.0
    }

    /// The number; 1 until one is chosen.
    pub fn value(self) -> f32 {
        match self {
            LengthPenalty::Fixed(value) => value,
            LengthPenalty::Chosen(ByValid::ByValid) => 1.0,
        }
    }
}

impl Default for Decoding {
    fn default() -> Decoding {
        let GeneratorConfig { min_len, max_len_b, no_repeat_ngram, .. } = GeneratorConfig::default();
        let length_penalty = LengthPenalty::Fixed(1.0);
        Decoding { beam: 4, length_penalty, min_length: min_len, max_length: max_len_b, no_repeat_ngram }
    }
}

impl Decoding {
    /// The key of a search's setting.
    pub(super) fn key(name: &str) -> &str {
        match name {
            "max_len_b" => "max_length",
            "min_len" => "min_length",
            other => other,
        }
    }

    /// As a search with so many hypotheses.
    pub fn search(&self, beam: usize) -> GeneratorConfig {
        GeneratorConfig {
            beam,
            length_penalty: self.length_penalty.value(),
            max_len_b: self.max_length,
            min_len: self.min_length,
            no_repeat_ngram: self.no_repeat_ngram,
            ..GeneratorConfig::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_penalty_of_the_best_score_is_taken() {
        assert_eq!(LengthPenalty::best(|p| -f64::from((p - 1.7).abs())), 1.8);
        assert_eq!(LengthPenalty::best(|p| if p < 1.2 { 3.0 } else { 2.0 }), 0.6);
        assert_eq!(LengthPenalty::best(|_| f64::NAN), 0.6);
    }
}
