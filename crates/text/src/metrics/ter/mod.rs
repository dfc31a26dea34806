//! TER, the translation edit rate (Snover et al. 2006): how many words must be inserted, deleted, replaced, or shifted
//! together, for each word of the reference.
//!
//! Finding the fewest shifts is NP-hard; Tercom's heuristics define the score, and sacreBLEU's version of them is followed
//! here move by move, so that both count the same edits.

mod alignment;
mod distance;
mod shift;

use super::ngrams::Numbers;
use super::{Better, Metric, SACREBLEU_VERSION};
use crate::files::python_words;
use distance::Distance;
use shift::{Search, best_shift};

/// TER as sacreBLEU counts it by default: lowercased, words as white space separates them.
#[derive(Clone, Copy, Debug)]
pub struct Ter;

impl Metric for Ter {
    fn title(&self) -> String {
        "TER".to_owned()
    }

    fn signature(&self) -> Option<String> {
        Some(format!("nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:{SACREBLEU_VERSION}"))
    }

    fn better(&self) -> Better {
        Better::Lower
    }

    fn width(&self) -> usize {
        2
    }

    /// Edits, and words of the reference.
    fn count(&self, output: &str, reference: &str) -> Vec<f64> {
        let (output, reference) = (output.to_lowercase(), reference.to_lowercase());
        let mut numbers = Numbers::default();
        let output = numbers.all(python_words(&output));
        let reference = numbers.all(python_words(&reference));
        vec![edits(output, &reference) as f64, reference.len() as f64]
    }

    fn score(&self, sums: &[f64]) -> f64 {
        match (sums[0], sums[1]) {
            (0.0, _) => 0.0,
            (_, 0.0) => 100.0,
            (edits, words) => 100.0 * edits / words,
        }
    }
}

/// Shifts while one helps, then counts what is left to edit.
fn edits(mut output: Vec<u32>, reference: &[u32]) -> usize {
    if reference.is_empty() {
        return output.len();
    }
    let mut distance = Distance::new(reference);
    let (mut search, mut shifts) = (Search::default(), 0);
    loop {
        distance.rewrite(&output);
        let best = best_shift(&output, reference, &mut distance, &mut search);
        match best {
            Some(shift) if shift.gain > 0 && !search.exhausted() => {
                output = shift.of.words(&output);
                shifts += 1;
            }
            _ => return shifts + distance.edits() as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(output: &str, reference: &str) -> f64 {
        Ter.count(output, reference)[0]
    }

    #[test]
    fn edits_are_counted() {
        for (output, reference, edits) in [
            ("a b c", "a b c", 0.0),
            ("A B c", "a b C", 0.0),
            ("a x c", "a b c", 1.0),
            ("a c", "a b c", 1.0),
            ("a b x c", "a b c", 1.0),
            // One shift of two words where four edits would do without.
            ("c d a b", "a b c d", 1.0),
            ("", "a b", 2.0),
            ("a b", "", 2.0),
            ("", "", 0.0),
        ] {
            assert_eq!(edited(output, reference), edits, "{output:?} for {reference:?}");
        }
    }

    #[test]
    fn scores_are_in_percent() {
        assert_eq!(Ter.score(&[1.0, 4.0]), 25.0);
        assert_eq!(Ter.score(&[3.0, 0.0]), 100.0);
        assert_eq!(Ter.score(&[0.0, 0.0]), 0.0);
        assert_eq!(Ter.score(&[3.0, 2.0]), 150.0);
    }
}
