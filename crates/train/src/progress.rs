//! Where a run is: everything about it that is neither a weight nor a moment.

use crate::tape::LossSums;
use serde::{Deserialize, Serialize};
use std::f64::consts::LN_2;

impl LossSums {
    /// Label-smoothed loss per token in bits, as fairseq prints it.
    pub fn loss(&self) -> f64 {
        self.smoothed / self.tokens as f64 / LN_2
    }

    /// How far two passes with dropout are apart per token, in bits: the mean of the two Kullback-Leibler
    /// divergences; or how far a student is from its teacher; 0 without R-Drop and teacher.
    pub fn divergence_bits(&self) -> f64 {
        self.divergence / self.tokens as f64 / LN_2
    }

    /// Negative log-likelihood per token in bits.
    pub fn nll_bits(&self) -> f64 {
        self.nll / self.tokens as f64 / LN_2
    }

    /// 2^(negative log-likelihood per token in bits).
    pub fn perplexity(&self) -> f64 {
        self.nll_bits().exp2()
    }

    /// What has left the numbers, with its value per token as it is told elsewhere.
    pub(crate) fn not_finite(&self) -> Option<(&'static str, f64)> {
        if !self.smoothed.is_finite() {
            Some(("the loss", self.loss()))
        } else if !self.divergence.is_finite() {
            Some(("the divergence", self.divergence_bits()))
        } else {
            None
        }
    }
}

/// The losses at the end of an epoch, or of the run within one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Which epoch, from 1.
    pub epoch: u64,
    /// Updates so far.
    pub updates: u64,
    /// Of the epoch's training batches, each before its update, with dropout.
    pub train: LossSums,
    /// Of the validation set, without dropout.
    pub valid: LossSums,
}

impl Validation {
    fn ends_epoch(&self, updates_per_epoch: u64) -> bool {
        is_epochs_end(self.epoch, self.updates, updates_per_epoch)
    }
}

/// Whether so many updates end this epoch, from 1: a run that is cut off within one validates there too.
pub(crate) fn is_epochs_end(epoch: u64, updates: u64, updates_per_epoch: u64) -> bool {
    updates == epoch * updates_per_epoch
}

/// The position in the data, and what has been seen on the way. Masks and orders are drawn from counters, so the seed and
/// this are all the random state there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Updates done.
    pub updates: u64,
    /// The epoch under way, from 1.
    pub epoch: u64,
    /// Batches of it that are done.
    pub batch: usize,
    /// Their losses.
    pub epoch_losses: LossSums,
    /// Every validation, the first first.
    pub validations: Vec<Validation>,
}

impl Default for Progress {
    fn default() -> Progress {
        Progress { updates: 0, epoch: 1, batch: 0, epoch_losses: LossSums::default(), validations: Vec::new() }
    }
}

impl Progress {
    /// The validation of lowest loss, the first of equals.
    pub fn best(&self) -> Option<&Validation> {
        lowest(self.validations.iter())
    }

    /// The same among those at ends of epochs.
    pub fn best_epoch(&self, updates_per_epoch: u64) -> Option<&Validation> {
        lowest(self.validations.iter().filter(|v| v.ends_epoch(updates_per_epoch)))
    }

    /// How many validations have come since the best one, at ends of epochs: one within an epoch is of a run that ended there.
    pub fn epochs_since_best(&self, updates_per_epoch: u64) -> usize {
        let ends = || self.validations.iter().filter(|v| v.ends_epoch(updates_per_epoch));
        let best = self.best_epoch(updates_per_epoch).map(|b| b.updates);
        ends().rev().take_while(|v| Some(v.updates) != best).count()
    }

    /// Leaves the validations at ends of epochs: where a run goes on past another, its best weights are those of a run that never stopped.
    pub(crate) fn forget_validations_within_epochs(&mut self, updates_per_epoch: u64) {
        self.validations.retain(|v| v.ends_epoch(updates_per_epoch));
    }

    /// Whether the weights as they are have been validated.
    pub fn is_validated(&self) -> bool {
        self.validations.last().is_some_and(|v| v.updates == self.updates)
    }
}

fn lowest<'v>(validations: impl Iterator<Item = &'v Validation>) -> Option<&'v Validation> {
    let numbers = validations.filter(|v| v.valid.loss().is_finite());
    numbers.min_by(|a, b| a.valid.loss().total_cmp(&b.valid.loss()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_validated_within_an_epoch_counts_only_where_a_run_ends() {
        let validation = |epoch, updates, loss| {
            let valid = LossSums { smoothed: loss, nll: loss, divergence: 0.0, tokens: 1 };
            Validation { epoch, updates, train: LossSums::default(), valid }
        };
        let validations =
            vec![validation(1, 10, 3.0), validation(2, 20, 2.0), validation(3, 30, 2.5), validation(4, 34, 1.0)];
        let mut progress = Progress { validations, ..Progress::default() };
        let updates = |v: Option<&Validation>| v.map(|v| v.updates);
        assert_eq!((updates(progress.best()), updates(progress.best_epoch(10))), (Some(34), Some(20)));
        assert_eq!(progress.epochs_since_best(10), 1);
        progress.forget_validations_within_epochs(10);
        assert_eq!((updates(progress.best()), progress.validations.len()), (Some(20), 3));
    }

    #[test]
    fn what_left_the_numbers_is_named_with_a_value_that_is_none() {
        let sums = |smoothed, divergence| LossSums { smoothed, nll: 1.0, divergence, tokens: 2 };
        assert_eq!(sums(1.0, 1.0).not_finite(), None);
        let (what, value) = sums(f64::NAN, 1.0).not_finite().unwrap();
        assert!(what.contains("loss") && value.is_nan());
        let (what, value) = sums(1.0, f64::INFINITY).not_finite().unwrap();
        assert!(what.contains("divergence") && value == f64::INFINITY);
        assert!(sums(f64::INFINITY, f64::INFINITY).not_finite().unwrap().0.contains("loss"));
    }
}
