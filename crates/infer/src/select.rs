//! The best continuations of a sentence's hypotheses.

use std::cmp::Ordering;

/// One hypothesis, one more token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    /// Sum of log-probabilities, this token's included.
    pub sum: f32,
    /// Log-probability of this token.
    pub log_prob: f32,
    /// The hypothesis it continues: its place among the sentence's.
    pub parent: usize,
    /// The token.
    pub token: u32,
}

/// The `count` continuations of highest sum, best first; of equal ones, that of the earlier hypothesis and then of the lower
/// token. Continuations of probability 0 are none.
#[derive(Default)]
pub(crate) struct Top {
    candidates: Vec<Candidate>,
    count: usize,
}

impl Top {
    /// None so far of at most `count`.
    pub fn restart(&mut self, count: usize) {
        self.count = count;
        self.candidates.clear();
        // One more lies there while it pushes the last one out.
        self.candidates.reserve(count + 1);
    }

    /// In order.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The sum that a newcomer must exceed.
    fn threshold(&self) -> f32 {
        if self.candidates.len() < self.count {
            f32::NEG_INFINITY
        } else {
            self.candidates.last().map_or(f32::INFINITY, |c| c.sum)
        }
    }

    /// Takes what is good enough of a hypothesis, after those before it: its sum so far, its words' log-probabilities and the
    /// words that it may not take.
    pub fn scan(&mut self, parent: usize, sum: f32, log_probs: &[f32], banned: &[u32]) {
        // Nearly no word gets in, so whole runs are dismissed by their maximum. Adding the sum keeps the order (rounding
        // never reverses it), so what the maximum cannot, none of its run can. 128 words: many vectors, a few runs looked into.
        const RUN: usize = 128;
        for (i, run) in log_probs.chunks(RUN).enumerate() {
            let highest = highest(run);
            let mut threshold = self.threshold();
            if sum + highest <= threshold {
                continue;
            }
            for (j, &log_prob) in run.iter().enumerate() {
                let token = (i * RUN + j) as u32;
                if sum + log_prob > threshold && !banned.contains(&token) {
                    self.insert(Candidate { sum: sum + log_prob, log_prob, parent, token });
                    threshold = self.threshold();
                }
            }
        }
    }

    /// After all that are as good: those came first.
    pub fn insert(&mut self, candidate: Candidate) {
        let place = self.candidates.partition_point(|c| c.sum.partial_cmp(&candidate.sum) != Some(Ordering::Less));
        self.candidates.insert(place, candidate);
        self.candidates.truncate(self.count);
    }
}

/// The largest value that is a number; -infinity where there is none.
fn highest(run: &[f32]) -> f32 {
    // Not f32::max, which would forget a NaN; a NaN compares false and is never taken.
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    // Sixteen maxima at once: one alone would wait for itself at each word.
    let mut lanes = [f32::NEG_INFINITY; 16];
    let (whole, rest) = run.as_chunks::<16>();
    for chunk in whole {
        for (lane, &x) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, x);
        }
    }
    // By halves, which waits four times; one after the other would wait sixteen times, longer than a run takes.
    let mut half = lanes.len() / 2;
    while half > 0 {
        let (low, high) = lanes.split_at_mut(half);
        low.iter_mut().zip(high).for_each(|(a, b)| *a = larger(*a, *b));
        half /= 2;
    }
    rest.iter().fold(lanes[0], |a, &b| larger(a, b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn best(rows: &[(f32, Vec<f32>, Vec<u32>)], count: usize) -> Vec<Candidate> {
        let mut top = Top::default();
        // Twice: what was there before is not seen.
        for _ in 0..2 {
            top.restart(count);
            rows.iter().enumerate().for_each(|(parent, (sum, row, banned))| top.scan(parent, *sum, row, banned));
        }
        top.candidates
    }

    /// All continuations, sorted.
    fn by_sorting(rows: &[(f32, Vec<f32>, Vec<u32>)], count: usize) -> Vec<Candidate> {
        let mut all = Vec::new();
        for (parent, (sum, log_probs, banned)) in rows.iter().enumerate() {
            for (token, &log_prob) in log_probs.iter().enumerate() {
                let candidate = Candidate { sum: sum + log_prob, log_prob, parent, token: token as u32 };
                if candidate.sum > f32::NEG_INFINITY && !banned.contains(&candidate.token) {
                    all.push(candidate);
                }
            }
        }
        all.sort_by(|a, b| b.sum.partial_cmp(&a.sum).unwrap());
        all.truncate(count);
        all
    }

    /// Few distinct values, so that ties are many; some words impossible.
    fn rows() -> impl Strategy<Value = Vec<(f32, Vec<f32>, Vec<u32>)>> {
        let value = prop_oneof![9 => (-12i32..0).prop_map(|v| v as f32 * 0.5), 1 => Just(f32::NEG_INFINITY)];
        (1usize..200).prop_flat_map(move |words| {
            let row = prop::collection::vec(value.clone(), words);
            prop::collection::vec((-4i32..0, row, prop::collection::vec(0..words as u32, 0..4)), 1..5)
                .prop_map(|rows| rows.into_iter().map(|(s, r, b)| (s as f32, r, b)).collect())
        })
    }

    proptest! {
        #[test]
        fn equals_sorting_everything(rows in rows(), count in 1usize..20) {
            prop_assert_eq!(best(&rows, count), by_sorting(&rows, count));
        }
    }

    #[test]
    fn what_is_not_a_number_is_not_taken() {
        let row = vec![f32::NAN, -1.0, f32::NAN, -2.0];
        let tokens: Vec<u32> = best(&[(0.0, row, Vec::new())], 4).iter().map(|c| c.token).collect();
        assert_eq!(tokens, [1, 3]);
    }
}
