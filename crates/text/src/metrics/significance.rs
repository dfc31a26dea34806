//! How far a score can be trusted: corpora drawn anew from the sentences at hand.
//!
//! The bootstrap (Efron 1979; Koehn 2004 for BLEU) draws as many sentences as there are, with replacement, and scores what
//! it drew; approximate randomisation (Noreen 1989; Riezler and Maxwell 2005) asks how often two systems whose sentences
//! were exchanged at random differ as much as the real ones. Formulas, numbers of draws and percentiles are sacreBLEU's,
//! but for one: as much counts, not only more, so that p is 1 for two systems that say the same. The random numbers are
//! this crate's own, so p-values agree with sacreBLEU's as those of two seeds do.

use super::{Metric, Statistics};
use crate::random::Random;

/// Streams of random numbers: one for what is drawn, one for what is exchanged.
const DRAWS: u64 = 0xB0;
const EXCHANGES: u64 = 0xA2;

/// How often corpora are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resampling {
    /// Corpora of a bootstrap.
    pub samples: usize,
    /// Exchanges of an approximate randomisation.
    pub trials: usize,
    /// Names the random numbers: with the same seed, all metrics see the same corpora.
    pub seed: u64,
}

impl Default for Resampling {
    fn default() -> Resampling {
        Resampling { samples: 1000, trials: 10_000, seed: 12345 }
    }
}

/// Where 95 of 100 scores of drawn corpora lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The 2.5th percentile.
    pub low: f64,
    /// The mean of all.
    pub mean: f64,
    /// The 97.5th percentile.
    pub high: f64,
}

impl Interval {
    fn of(mut scores: Vec<f64>) -> Interval {
        scores.sort_by(f64::total_cmp);
        let cut = scores.len() / 40;
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        Interval { low: scores[cut], mean, high: scores[scores.len() - 1 - cut] }
    }
}

/// The 95% confidence interval of a score. Panics where no sample is to be drawn.
pub fn bootstrap(metric: &dyn Metric, statistics: &Statistics, resampling: &Resampling) -> Interval {
    Interval::of(drawn_scores(metric, statistics, resampling))
}

/// Two systems on the same sentences.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// The second's score less the first's.
    pub difference: f64,
    /// Of the difference, over the corpora of the paired bootstrap.
    pub interval: Interval,
    /// The chance of so large a difference where there is none, by paired bootstrap.
    pub bootstrap_p: f64,
    /// The same by approximate randomisation.
    pub randomisation_p: f64,
}

/// Compares a second system with a first. Panics unless both have the same sentences.
pub fn compare(metric: &dyn Metric, first: &Statistics, second: &Statistics, resampling: &Resampling) -> Comparison {
    assert_eq!(first.rows.len(), second.rows.len(), "sentences of two systems");
    let difference = metric.score(&second.sums()) - metric.score(&first.sums());
    let [of_first, of_second] = [first, second].map(|statistics| drawn_scores(metric, statistics, resampling));
    let drawn: Vec<f64> = of_second.iter().zip(&of_first).map(|(b, a)| b - a).collect();
    Comparison {
        difference,
        bootstrap_p: paired_bootstrap(&drawn, difference.abs()),
        interval: Interval::of(drawn),
        randomisation_p: approximate_randomisation(metric, first, second, difference.abs(), resampling),
    }
}

/// How often drawn corpora differ as much as the real one, beyond what they differ by on average.
fn paired_bootstrap(drawn: &[f64], difference: f64) -> f64 {
    let mean = drawn.iter().map(|d| d.abs()).sum::<f64>() / drawn.len() as f64;
    p_value(drawn.iter().filter(|d| d.abs() - mean >= difference).count(), drawn.len())
}

/// How often two systems that exchanged half of their sentences differ as much as the real ones.
fn approximate_randomisation(
    metric: &dyn Metric,
    first: &Statistics,
    second: &Statistics,
    difference: f64,
    resampling: &Resampling,
) -> f64 {
    let (sums_first, sums_second) = (first.sums(), second.sums());
    let changes: Vec<f64> = second.rows.iter().zip(&first.rows).map(|(b, a)| b - a).collect();
    let changes = Statistics { width: first.width, rows: changes };
    let as_much = |trial: &usize| {
        // What an exchange gives to one system it takes from the other.
        let mut random = Random::stream(&[resampling.seed, EXCHANGES, *trial as u64]);
        let mut exchanged = vec![0.0; changes.width];
        for start in (0..changes.sentences()).step_by(64) {
            let mut bits = random.bits();
            for sentence in start..changes.sentences().min(start + 64) {
                if bits & 1 == 1 {
                    exchanged.iter_mut().zip(changes.row(sentence)).for_each(|(sum, n)| *sum += n);
                }
                bits >>= 1;
            }
        }
        let score = |sums: &[f64], sign: f64| {
            metric.score(&sums.iter().zip(&exchanged).map(|(sum, n)| sum + sign * n).collect::<Vec<f64>>())
        };
        // Sums of fractions, as ROUGE's, differ in their last bits from those of the same sentences: a tie is as much.
        (score(&sums_first, 1.0) - score(&sums_second, -1.0)).abs() >= difference * (1.0 - 1e-9)
    };
    p_value((0..resampling.trials).filter(as_much).count(), resampling.trials)
}

/// One more in both, so that no difference is called impossible.
fn p_value(as_much: usize, of: usize) -> f64 {
    (as_much + 1) as f64 / (of + 1) as f64
}

/// Scores of drawn corpora; the n-th is drawn alike for all statistics of as many sentences.
fn drawn_scores(metric: &dyn Metric, statistics: &Statistics, resampling: &Resampling) -> Vec<f64> {
    assert!(resampling.samples > 0, "a bootstrap without samples");
    let sentences = statistics.sentences();
    let drawn = |sample: usize| {
        let mut random = Random::stream(&[resampling.seed, DRAWS, sample as u64]);
        metric.score(&statistics.sums_of((0..sentences).map(|_| random.below(sentences))))
    };
    (0..resampling.samples).map(drawn).collect()
}
