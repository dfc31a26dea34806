//! The exponential mean of weights over updates.
//!
//! With decay d, the mean after update n is sum_i d^(n-i) w_i / sum_i d^(n-i), i from 1 to n: all weights so far, each d times the one
//! after it, and nothing of the initial ones. In steps that is mean += (1 - d) / (1 - d^n) (w_n - mean): a copy at first, then nearly
//! the plain mean, later the usual moving one.

use crate::optimizer::PIECE;
use lsra_exec::Weights;
use lsra_kernels::Isa;
use lsra_kernels::elementwise::move_towards;
use rayon::prelude::*;

/// A second set of weights.
pub struct Ema {
    decay: f64,
    mean: Weights,
}

impl Ema {
    /// Before the first update it is the weights that training starts from.
    pub fn new(decay: f64, weights: &Weights) -> Ema {
        Ema { decay, mean: weights.to_owned_copy() }
    }

    /// Takes the weights after update `updates`, from 1, into the mean. Its bits do not depend on the number of threads.
    pub fn add(&mut self, isa: Isa, updates: u64, weights: &Weights) {
        let share = share(self.decay, updates) as f32;
        self.mean.tensors_mut().par_iter_mut().zip_eq(weights.tensors()).for_each(|(mean, w)| {
            let pieces = mean.data_mut().par_chunks_mut(PIECE).zip(w.data().par_chunks(PIECE));
            pieces.for_each(|(mean, w)| match updates {
                // All the way is a copy: mean + (w - mean) would round twice, and keep a trace of the initial weights.
                1 => mean.copy_from_slice(w),
                _ => move_towards(isa, mean, w, share),
            });
        });
    }

    /// The mean.
    pub fn mean(&self) -> &Weights {
        &self.mean
    }

    /// Goes on from a saved mean.
    pub fn set(&mut self, mean: Weights) {
        self.mean = mean;
    }
}

/// How far update `n`, from 1, moves the mean: (1 - d) / (1 - d^n). The plain difference would cancel where d^n is near 1.
fn share(decay: f64, n: u64) -> f64 {
    (1.0 - decay) / -(n as f64 * decay.ln()).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lsra_model::{Model, presets};

    #[test]
    fn shares_are_those_of_the_sum_of_powers() {
        for decay in [0.0, 0.5, 0.9, 0.999, 0.999_99, 0.999_999_9] {
            let mut sum = 0.0;
            for n in 1..=20 {
                sum = sum * decay + 1.0;
                let share = share(decay, n);
                // A rounding for each step of the sum, and a few of the closed form.
                let bound = (2 * n + 6) as f64 * f64::EPSILON / 2.0;
                assert!((share * sum - 1.0).abs() <= bound, "{decay}, {n}: {share}, not {}", 1.0 / sum);
            }
        }
    }

    #[test]
    fn the_first_update_leaves_nothing_of_the_initial_weights() {
        let model = Model::new(&presets::preset("iwslt-160").unwrap().model).unwrap();
        let [initial, first] = [1, 2].map(|seed| Weights::init(&model.params, seed));
        for isa in Isa::available() {
            let mut ema = Ema::new(0.999, &initial);
            ema.add(isa, 1, &first);
            for (mean, w) in ema.mean().iter().zip(first.iter()) {
                assert!(mean.data().iter().zip(w.data()).all(|(a, b)| a.to_bits() == b.to_bits()));
            }
        }
    }

    #[test]
    fn it_is_the_weighted_mean_of_all_weights_so_far() {
        let model = Model::new(&presets::preset("iwslt-160").unwrap().model).unwrap();
        let trajectory: Vec<Weights> = (1..=5).map(|seed| Weights::init(&model.params, seed)).collect();
        let decay = 0.7f64;
        for isa in Isa::available() {
            let mut ema = Ema::new(decay, &Weights::init(&model.params, 0));
            trajectory.iter().zip(1..).for_each(|(w, n)| ema.add(isa, n, w));
            let powers: Vec<f64> = (0..5).map(|i| decay.powi(4 - i)).collect();
            let total: f64 = powers.iter().sum();
            for (i, mean) in ema.mean().iter().enumerate() {
                for (j, &found) in mean.data().iter().enumerate().step_by(97) {
                    let values = trajectory.iter().map(|w| f64::from(w.tensors()[i].data()[j]));
                    let (want, most) =
                        values.zip(&powers).fold((0.0, f64::MIN_POSITIVE), |(sum, most): (f64, f64), (x, p)| {
                            (sum + x * p / total, most.max(x.abs()))
                        });
                    // Five steps of three roundings, of what is as large as the difference of two values.
                    let bound = 15.0 * f64::from(f32::EPSILON) * 2.0 * most;
                    assert!((f64::from(found) - want).abs() <= bound, "{found}, not {want}");
                }
            }
        }
    }
}
