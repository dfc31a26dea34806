//! BLEU as sacreBLEU counts it (Post 2018): over tokens of its own, smoothed where an order has no match.

use super::bleu::{Bleu, ORDERS, WIDTH};
use super::ngrams::Numbers;
use super::{Metric, SACREBLEU_VERSION, Tokens};
use crate::files::python_words;

/// sacreBLEU with one reference, case kept, exponential smoothing.
#[derive(Clone, Copy, Debug)]
pub struct SacreBleu {
    tokens: Tokens,
}

impl SacreBleu {
    /// Over these tokens.
    pub fn new(tokens: Tokens) -> SacreBleu {
        SacreBleu { tokens }
    }

    /// In percent. An order without a match has half the chance of one, the next such order a quarter, and so on: Chen and
    /// Cherry 2014, method 3. All are 0 where nothing matches at all.
    fn precisions(bleu: &Bleu) -> [f64; ORDERS] {
        let mut precisions = [0.0; ORDERS];
        let mut smoothing = 1.0;
        for (precision, (&matches, &total)) in precisions.iter_mut().zip(bleu.matches.iter().zip(&bleu.totals)) {
            if total == 0 || bleu.matches == [0; ORDERS] {
                break;
            }
            *precision = 100.0 * matches as f64 / total as f64;
            if matches == 0 {
                smoothing *= 2.0;
                *precision = 100.0 / (smoothing * total as f64);
            }
        }
        precisions
    }
}

impl Metric for SacreBleu {
    fn title(&self) -> String {
        match self.tokens {
            Tokens::V13a => "BLEU (sacreBLEU)".to_owned(),
            tokens => format!("BLEU (sacreBLEU, {})", tokens.name()),
        }
    }

    fn signature(&self) -> Option<String> {
        Some(format!("nrefs:1|case:mixed|eff:no|tok:{}|smooth:exp|version:{SACREBLEU_VERSION}", self.tokens.name()))
    }

    fn width(&self) -> usize {
        WIDTH
    }

    fn count(&self, output: &str, reference: &str) -> Vec<f64> {
        let (output, reference) = (self.tokens.cut(output), self.tokens.cut(reference));
        let (mut numbers, mut bleu) = (Numbers::default(), Bleu::default());
        let output = numbers.all(python_words(&output));
        bleu.add_numbers(&output, &numbers.all(python_words(&reference)));
        bleu.statistics()
    }

    fn score(&self, sums: &[f64]) -> f64 {
        let bleu = Bleu::from_statistics(sums);
        if bleu.matches == [0; ORDERS] {
            return 0.0;
        }
        // An order without any n-gram has the precision 0, and so the whole the score 0.
        let mean_log = SacreBleu::precisions(&bleu).iter().map(|p| p.ln()).sum::<f64>() / ORDERS as f64;
        bleu.brevity_penalty() * mean_log.exp()
    }

    fn details(&self, sums: &[f64]) -> String {
        let bleu = Bleu::from_statistics(sums);
        let [p1, p2, p3, p4] = SacreBleu::precisions(&bleu);
        format!(
            "{p1:.1}/{p2:.1}/{p3:.1}/{p4:.1} (BP = {:.3} ratio = {:.3} hyp_len = {} ref_len = {})",
            bleu.brevity_penalty(),
            bleu.length_ratio(),
            bleu.output_length,
            bleu.reference_length
        )
    }
}
