//! The label-smoothed loss of a row of logits: (1 - e) (-log p_target) + e / V sum_j (-log p_j). Szegedy et al. 2016, section 7.

use super::Real;
use super::softmax::log_softmax_rows;

/// Losses of rows, in nats.
pub struct SmoothedLosses<T> {
    /// Label-smoothed.
    pub smoothed: Vec<T>,
    /// Negative log-likelihood.
    pub nll: Vec<T>,
}

/// logits: `[targets, words]`.
pub fn smoothed_losses<T: Real>(logits: &[T], words: usize, targets: &[u32], smoothing: f32) -> SmoothedLosses<T> {
    let (e, share) = (T::from_f64(smoothing.into()), T::from_f64(f64::from(smoothing) / words as f64));
    let mut losses = SmoothedLosses { smoothed: Vec::new(), nll: Vec::new() };
    for (row, &target) in log_softmax_rows(logits, words).chunks(words).zip(targets) {
        let nll = -row[target as usize];
        let sum: T = row.iter().map(|&log_p| -log_p).sum();
        losses.smoothed.push((T::ONE - e) * nll + share * sum);
        losses.nll.push(nll);
    }
    losses
}

/// d(sum of smoothed losses) / d(logits) = p_j - (1 - e) [j = target] - e / V.
pub fn smoothed_losses_backward<T: Real>(logits: &[T], words: usize, targets: &[u32], smoothing: f32) -> Vec<T> {
    let (e, share) = (T::from_f64(smoothing.into()), T::from_f64(f64::from(smoothing) / words as f64));
    let mut dlogits = log_softmax_rows(logits, words);
    for (row, &target) in dlogits.chunks_mut(words).zip(targets) {
        row.iter_mut().for_each(|x| *x = x.exp() - share);
        row[target as usize] -= T::ONE - e;
    }
    dlogits
}
