//! chrF and chrF++ (Popović 2015, 2017): the F-score of character n-grams, with words beside them in the second.

use super::ngrams::{Numbers, overlap};
use super::{Metric, SACREBLEU_VERSION};
use crate::files::python_words;

/// Orders of characters.
const CHARACTER_ORDERS: usize = 6;

/// Recall counts as much as precision times this squared.
const BETA: f64 = 2.0;

/// Which n-grams of words are counted beside those of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordOrder {
    /// None: chrF.
    None,
    /// Words and pairs of words: chrF++.
    Pairs,
}

/// chrF2 or chrF2++ as sacreBLEU counts them: without white space, over the orders that both sides have.
#[derive(Clone, Copy, Debug)]
pub struct Chrf {
    words: WordOrder,
}

impl Chrf {
    /// With these n-grams of words.
    pub fn new(words: WordOrder) -> Chrf {
        Chrf { words }
    }

    fn word_orders(&self) -> usize {
        match self.words {
            WordOrder::None => 0,
            WordOrder::Pairs => 2,
        }
    }
}

impl Metric for Chrf {
    fn title(&self) -> String {
        format!("chrF2{}", "+".repeat(self.word_orders()))
    }

    fn signature(&self) -> Option<String> {
        let (characters, words) = (CHARACTER_ORDERS, self.word_orders());
        Some(format!("nrefs:1|case:mixed|eff:yes|nc:{characters}|nw:{words}|space:no|version:{SACREBLEU_VERSION}"))
    }

    fn width(&self) -> usize {
        3 * (CHARACTER_ORDERS + self.word_orders())
    }

    /// For each order, n-grams of the output, of the reference, and of both.
    fn count(&self, output: &str, reference: &str) -> Vec<f64> {
        let mut row = Vec::with_capacity(self.width());
        let mut add = |output: &[u32], reference: &[u32], order: usize| {
            let overlap = overlap(output, reference, order);
            // What cannot be right where the reference is too short is not wrong either.
            let output = if overlap.reference == 0 { 0 } else { overlap.output };
            row.extend([output, overlap.reference, overlap.matches].map(|n| n as f64));
        };
        let characters = |text| python_words(text).flat_map(str::chars).map(u32::from).collect::<Vec<u32>>();
        let (output_characters, reference_characters) = (characters(output), characters(reference));
        for order in 1..=CHARACTER_ORDERS {
            add(&output_characters, &reference_characters, order);
        }
        if self.words == WordOrder::Pairs {
            let mut numbers = Numbers::default();
            let output = numbers.all(words(output));
            let reference = numbers.all(words(reference));
            for order in 1..=self.word_orders() {
                add(&output, &reference, order);
            }
        }
        row
    }

    fn score(&self, sums: &[f64]) -> f64 {
        let (mut precision, mut recall, mut orders) = (0.0, 0.0, 0.0);
        for order in sums.chunks_exact(3).filter(|order| order[0] > 0.0 && order[1] > 0.0) {
            precision += order[2] / order[0];
            recall += order[2] / order[1];
            orders += 1.0;
        }
        if precision + recall == 0.0 {
            return 0.0;
        }
        let (precision, recall) = (precision / orders, recall / orders);
        100.0 * (1.0 + BETA * BETA) * precision * recall / (BETA * BETA * precision + recall)
    }
}

/// The words of a line, one punctuation mark at the end or else at the start of each a word of its own.
fn words(line: &str) -> impl Iterator<Item = &str> {
    python_words(line).flat_map(|word| {
        let punctuation = |c: &char| c.is_ascii_punctuation();
        let (first, last) = (word.chars().next(), word.chars().next_back());
        let (before, after) = if word.chars().nth(1).is_none() {
            (word, "")
        } else if last.filter(punctuation).is_some() {
            word.split_at(word.len() - 1)
        } else if first.filter(punctuation).is_some() {
            word.split_at(1)
        } else {
            (word, "")
        };
        [before, after].into_iter().filter(|part| !part.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mark_is_split_off() {
        assert_eq!(
            words("(hi) \"so -- . «x» «. é!").collect::<Vec<_>>(),
            ["(hi", ")", "\"", "so", "-", "-", ".", "«x»", "«", ".", "é", "!"]
        );
    }

    #[test]
    fn orders_that_a_side_lacks_do_not_count() {
        let chrf = Chrf::new(WordOrder::None);
        let row = chrf.count("ab", "a b c");
        assert_eq!(row[..9], [2.0, 3.0, 2.0, 1.0, 2.0, 1.0, 0.0, 1.0, 0.0]);
        // Precisions 1 and 1, recalls 2/3 and 1/2.
        let (p, r) = (1.0, (2.0 / 3.0 + 0.5) / 2.0);
        assert!((chrf.score(&row) - 100.0 * 5.0 * p * r / (4.0 * p + r)).abs() < 1e-12);
        assert_eq!(chrf.score(&chrf.count("", "a")), 0.0);
        assert_eq!(chrf.score(&chrf.count("abcdefgh", "abcdefgh")), 100.0);
    }
}
