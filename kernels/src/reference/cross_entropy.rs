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

/// What rows lose, or pairs of rows, and how far two distributions are apart; in nats.
pub struct ComparedLosses<T> {
    /// Label-smoothed; of a pair the mean of both.
    pub smoothed: Vec<T>,
    /// Negative log-likelihood; of a pair the mean of both.
    pub nll: Vec<T>,
    /// Of a pair (KL(p||q) + KL(q||p)) / 2; of a student KL(q||p) of the softmaxes of logits / temperature, q the teacher's.
    pub divergence: Vec<T>,
}

/// Losses of rows that come twice, and how far their distributions are apart. Liang et al. 2021, section 2. logits: two of
/// `[targets, words]`.
pub fn pair_losses<T: Real>(logits: [&[T]; 2], words: usize, targets: &[u32], smoothing: f32) -> ComparedLosses<T> {
    let half = T::from_f64(0.5);
    let [p, q] = logits.map(|logits| smoothed_losses(logits, words, targets, smoothing));
    let mean = |a: &[T], b: &[T]| a.iter().zip(b).map(|(&a, &b)| half * (a + b)).collect();
    let [log_p, log_q] = logits.map(|logits| log_softmax_rows(logits, words));
    let divergence = |(p, q): (&[T], &[T])| {
        // sum p (log p - log q) + sum q (log q - log p).
        let both: T = p.iter().zip(q).map(|(&p, &q)| (p.exp() - q.exp()) * (p - q)).sum();
        half * both
    };
    ComparedLosses {
        smoothed: mean(&p.smoothed, &q.smoothed),
        nll: mean(&p.nll, &q.nll),
        divergence: log_p.chunks(words).zip(log_q.chunks(words)).map(divergence).collect(),
    }
}

/// d(sum of smoothed + alpha / 2 x divergence) / d(logits), of both. With d_j = log p_j - log q_j, d KL(p||q) / d(logit_j of p) =
/// p_j (d_j - KL(p||q)) and d KL(q||p) / d(logit_j of p) = p_j - q_j.
pub fn pair_losses_backward<T: Real>(
    logits: [&[T]; 2],
    words: usize,
    targets: &[u32],
    smoothing: f32,
    alpha: f32,
) -> [Vec<T>; 2] {
    let (half, part) = (T::from_f64(0.5), T::from_f64(f64::from(alpha) / 4.0));
    let log = logits.map(|logits| log_softmax_rows(logits, words));
    [(0, 1), (1, 0)].map(|(this, other)| {
        let mut dlogits = smoothed_losses_backward(logits[this], words, targets, smoothing);
        for (r, row) in dlogits.chunks_mut(words).enumerate() {
            let [p, q] = [this, other].map(|i| &log[i][r * words..][..words]);
            let kl: T = p.iter().zip(q).map(|(&p, &q)| p.exp() * (p - q)).sum();
            for (j, d) in row.iter_mut().enumerate() {
                *d = half * *d + part * (p[j].exp() * (p[j] - q[j] - kl) + p[j].exp() - q[j].exp());
            }
        }
        dlogits
    })
}

/// Logits / temperature.
fn softened<T: Real>(logits: &[T], temperature: f32) -> Vec<T> {
    let factor = T::from_f64(1.0 / f64::from(temperature));
    logits.iter().map(|&x| x * factor).collect()
}

/// Losses of rows, and how far they are from a teacher's. Hinton et al. 2015, section 2. student, teacher: `[targets, words]`.
pub fn distilled_losses<T: Real>(
    [student, teacher]: [&[T]; 2],
    words: usize,
    targets: &[u32],
    smoothing: f32,
    temperature: f32,
) -> ComparedLosses<T> {
    let SmoothedLosses { smoothed, nll } = smoothed_losses(student, words, targets, smoothing);
    let [log_p, log_q] = [student, teacher].map(|x| log_softmax_rows(&softened(x, temperature), words));
    let kl = |(q, p): (&[T], &[T])| q.iter().zip(p).map(|(&q, &p)| q.exp() * (q - p)).sum();
    let divergence = log_q.chunks(words).zip(log_p.chunks(words)).map(kl).collect();
    ComparedLosses { smoothed, nll, divergence }
}

/// d(sum of (1 - share) smoothed + share x temperature^2 x divergence) / d(student): of the second, share x temperature x (p_j - q_j).
pub fn distilled_losses_backward<T: Real>(
    [student, teacher]: [&[T]; 2],
    words: usize,
    targets: &[u32],
    smoothing: f32,
    share: f32,
    temperature: f32,
) -> Vec<T> {
    let own = T::from_f64(1.0 - f64::from(share));
    let part = T::from_f64(f64::from(share) * f64::from(temperature));
    let [log_p, log_q] = [student, teacher].map(|x| log_softmax_rows(&softened(x, temperature), words));
    let mut dlogits = smoothed_losses_backward(student, words, targets, smoothing);
    for ((d, p), q) in dlogits.iter_mut().zip(log_p).zip(log_q) {
        *d = own * *d + part * (p.exp() - q.exp());
    }
    dlogits
}
