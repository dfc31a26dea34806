//! BLEU over given tokens, as Moses's `multi-bleu.perl` counts it.
//!
//! Papineni et al. 2002: the geometric mean of the clipped n-gram precisions of orders 1 to 4 over the whole corpus, times
//! a penalty where the output is shorter than the reference. Tokens are what white space separates, nothing is
//! smoothed, and there is one reference a sentence.

use super::ngrams::{Numbers, overlap};
use super::{Metric, Tokens};
use crate::Spelling;
use crate::bpe::UNKNOWN;
use crate::files::python_words;
use std::fmt;

pub(super) const ORDERS: usize = 4;

/// Lengths of output and reference, then matches and totals of each order.
pub(super) const WIDTH: usize = 2 + 2 * ORDERS;

/// Counts over a corpus, from which the score follows. Displays as the original's scorer prints it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bleu {
    /// N-grams of the output that the reference has too, each at most as often as there, by order from 1.
    pub matches: [u64; ORDERS],
    /// N-grams of the output, by order from 1.
    pub totals: [u64; ORDERS],
    /// Tokens of the output.
    pub output_length: u64,
    /// Tokens of the reference.
    pub reference_length: u64,
}

impl Bleu {
    /// Counts of a whole corpus. Panics unless there is a reference for each output.
    pub fn of<S: AsRef<str>, R: AsRef<str>>(outputs: &[S], references: &[R]) -> Bleu {
        assert_eq!(outputs.len(), references.len(), "outputs and references");
        let mut bleu = Bleu::default();
        outputs.iter().zip(references).for_each(|(o, r)| bleu.add(o.as_ref(), r.as_ref()));
        bleu
    }

    /// As [`Bleu::of`], of text whose pieces were spelled so: tokenised text is words already, and raw text is cut as sacreBLEU cuts it
    /// (`13a`), so that the score is sacreBLEU's where every order has a match. Panics unless there is a reference for each output.
    pub fn of_text<S: AsRef<str>, R: AsRef<str>>(outputs: &[S], references: &[R], spelling: Spelling) -> Bleu {
        match spelling {
            Spelling::Continued => Bleu::of(outputs, references),
            Spelling::Spaced => {
                let outputs: Vec<String> = outputs.iter().map(|line| Tokens::V13a.cut(line.as_ref())).collect();
                let references: Vec<String> = references.iter().map(|line| Tokens::V13a.cut(line.as_ref())).collect();
                Bleu::of(&outputs, &references)
            }
        }
    }

    /// Adds one sentence's counts. `<unk>` in a reference matches nothing, as in fairseq: nobody asked for it.
    pub fn add(&mut self, output: &str, reference: &str) {
        let mut numbers = Numbers::default();
        let output = numbers.all(python_words(output));
        let unknown = |word| if word == UNKNOWN { numbers.fresh() } else { numbers.of(word) };
        let reference: Vec<u32> = python_words(reference).map(unknown).collect();
        self.add_numbers(&output, &reference);
    }

    /// Adds a sentence's counts, words by number.
    pub(super) fn add_numbers(&mut self, output: &[u32], reference: &[u32]) {
        self.output_length += output.len() as u64;
        self.reference_length += reference.len() as u64;
        for order in 1..=ORDERS {
            let overlap = overlap(output, reference, order);
            self.totals[order - 1] += overlap.output as u64;
            self.matches[order - 1] += overlap.matches as u64;
        }
    }

    /// As numbers that can be added: `[WIDTH]`
    pub(super) fn statistics(&self) -> Vec<f64> {
        let lengths = [self.output_length, self.reference_length];
        lengths.iter().chain(&self.matches).chain(&self.totals).map(|&n| n as f64).collect()
    }

    /// From sums of such numbers. Panics unless there are [`WIDTH`].
    pub(super) fn from_statistics(sums: &[f64]) -> Bleu {
        let counts: [u64; WIDTH] = std::array::from_fn(|i| sums[i] as u64);
        assert_eq!(sums.len(), WIDTH, "statistics of BLEU");
        Bleu {
            matches: std::array::from_fn(|n| counts[2 + n]),
            totals: std::array::from_fn(|n| counts[2 + ORDERS + n]),
            output_length: counts[0],
            reference_length: counts[1],
        }
    }

    /// The precision of each order, from 0 to 1; 0 where the output has no n-gram of that order.
    pub fn precisions(&self) -> [f64; ORDERS] {
        std::array::from_fn(|n| match self.totals[n] {
            0 => 0.0,
            total => self.matches[n] as f64 / total as f64,
        })
    }

    /// exp(1 - reference / output) where the output is the shorter, else 1; 0 for no output at all.
    pub fn brevity_penalty(&self) -> f64 {
        (1.0 - 1.0 / self.length_ratio()).exp().min(1.0)
    }

    /// Tokens of the output for each token of the reference.
    pub fn length_ratio(&self) -> f64 {
        match (self.output_length, self.reference_length) {
            (0, 0) => 1.0,
            (output, reference) => output as f64 / reference as f64,
        }
    }

    /// From 0 to 100.
    pub fn score(&self) -> f64 {
        // The logarithm of a precision of 0 is -inf, which makes the score 0 as it should be.
        let mean_log = self.precisions().iter().map(|p| p.ln()).sum::<f64>() / ORDERS as f64;
        100.0 * self.brevity_penalty() * mean_log.exp()
    }
}

/// [`Bleu`] as a [`Metric`].
#[derive(Clone, Copy, Debug)]
pub struct MultiBleu;

impl Metric for MultiBleu {
    fn title(&self) -> String {
        "BLEU (multi-bleu)".to_owned()
    }

    fn width(&self) -> usize {
        WIDTH
    }

    /// `<unk>` is a word like others, as in the script.
    fn count(&self, output: &str, reference: &str) -> Vec<f64> {
        let (mut bleu, mut numbers) = (Bleu::default(), Numbers::default());
        let [output, reference] = [output, reference].map(|line| numbers.all(python_words(line)));
        bleu.add_numbers(&output, &reference);
        bleu.statistics()
    }

    fn score(&self, sums: &[f64]) -> f64 {
        Bleu::from_statistics(sums).score()
    }

    fn details(&self, sums: &[f64]) -> String {
        Bleu::from_statistics(sums).to_string()
    }
}

impl fmt::Display for Bleu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p1, p2, p3, p4] = self.precisions().map(|p| 100.0 * p);
        write!(
            f,
            "BLEU4 = {:.2}, {p1:.1}/{p2:.1}/{p3:.1}/{p4:.1} (BP={:.3}, ratio={:.3}, syslen={}, reflen={})",
            self.score(),
            self.brevity_penalty(),
            self.length_ratio(),
            self.output_length,
            self.reference_length,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_raw_text_are_words() {
        let score = |spelling| Bleu::of_text(&["a b c d."], &["a b c d ."], spelling).score();
        assert!(score(Spelling::Spaced) > 99.9 && score(Spelling::Continued) < 99.0);
    }

    /// As in the script; of a training's own scores, which ask for no `<unk>`, it matches nothing.
    #[test]
    fn an_unknown_word_is_a_word_of_multi_bleu() {
        let line = "a <unk> c d e";
        assert!((MultiBleu.score(&MultiBleu.count(line, line)) - 100.0).abs() < 1e-9);
        assert!(Bleu::of(&[line], &[line]).score() < 1.0);
    }

    #[test]
    fn counts_are_clipped_and_pooled_over_sentences() {
        let bleu = Bleu::of(&["the the the cat", "on it"], &["the cat the mat", "on it too"]);
        assert_eq!(bleu.matches, [5, 2, 0, 0]);
        assert_eq!(bleu.totals, [6, 4, 2, 1]);
        assert_eq!((bleu.output_length, bleu.reference_length), (6, 7));
        assert_eq!(bleu.score(), 0.0);
    }

    #[test]
    fn a_shorter_output_pays_for_it() {
        let bleu = Bleu::of(&["a b c d"], &["a b c d e f g h"]);
        // All precisions are 1, so the score is the penalty: exp(1 - 8 / 4).
        assert!((bleu.score() - 100.0 * (-1.0f64).exp()).abs() < 1e-12);
        assert_eq!(
            bleu.to_string(),
            "BLEU4 = 36.79, 100.0/100.0/100.0/100.0 (BP=0.368, ratio=0.500, syslen=4, reflen=8)"
        );
    }

    #[test]
    fn nothing_at_all_scores_nothing() {
        assert_eq!(Bleu::of(&[""], &["a b"]).score(), 0.0);
        assert_eq!(Bleu::of::<&str, &str>(&[], &[]).score(), 0.0);
    }
}
