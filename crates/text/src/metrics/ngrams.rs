//! N-grams that two sides have in common.
//!
//! An n-gram is packed into 128 bits, which holds four words by number or six characters by code point, so that counting
//! is sorting numbers: several times faster than hashing slices, and exact.

use std::collections::HashMap;

/// How many n-grams of one order there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Overlap {
    /// Of the output.
    pub output: usize,
    /// Of the reference.
    pub reference: usize,
    /// Of both, each at most as often as the side that has it less often.
    pub matches: usize,
}

/// Counts n-grams of `order` symbols. Symbols take at most 128 / order bits.
pub(super) fn overlap(output: &[u32], reference: &[u32], order: usize) -> Overlap {
    let (output, reference) = (sorted(output, order), sorted(reference, order));
    let (mut o, mut r, mut matches) = (0, 0, 0);
    while o < output.len() && r < reference.len() {
        match output[o].cmp(&reference[r]) {
            std::cmp::Ordering::Less => o += 1,
            std::cmp::Ordering::Greater => r += 1,
            std::cmp::Ordering::Equal => (o, r, matches) = (o + 1, r + 1, matches + 1),
        }
    }
    Overlap { output: output.len(), reference: reference.len(), matches }
}

fn sorted(symbols: &[u32], order: usize) -> Vec<u128> {
    let bits = 128 / order.max(4);
    let pack = |ngram: &[u32]| ngram.iter().fold(0, |packed, &symbol| packed << bits | u128::from(symbol));
    let mut ngrams: Vec<u128> = symbols.windows(order).map(pack).collect();
    ngrams.sort_unstable();
    ngrams
}

/// Numbers for words, the same for the same word.
#[derive(Default)]
pub(super) struct Numbers<'a> {
    known: HashMap<&'a str, u32>,
    next: u32,
}

impl<'a> Numbers<'a> {
    /// The word's number.
    pub(super) fn of(&mut self, word: &'a str) -> u32 {
        let next = &mut self.next;
        *self.known.entry(word).or_insert_with(|| {
            *next += 1;
            *next
        })
    }

    /// A number that no word has.
    pub(super) fn fresh(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// The numbers of many.
    pub(super) fn all(&mut self, words: impl IntoIterator<Item = &'a str>) -> Vec<u32> {
        words.into_iter().map(|word| self.of(word)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn code_points_fit() {
        let largest = [char::MAX as u32; 7];
        assert_eq!(overlap(&largest, &largest[1..], 6), Overlap { output: 2, reference: 1, matches: 1 });
        assert_eq!(overlap(&[1], &[1, 2], 2), Overlap { output: 0, reference: 1, matches: 0 });
    }

    proptest! {
        #[test]
        fn counts_are_those_of_a_map(
            a in prop::collection::vec(0u32..4, 0..30),
            b in prop::collection::vec(0u32..4, 0..30),
            order in 1usize..7,
        ) {
            let mut left: HashMap<&[u32], usize> = HashMap::new();
            b.windows(order).for_each(|ngram| *left.entry(ngram).or_default() += 1);
            let mut matches = 0;
            for ngram in a.windows(order) {
                if let Some(n) = left.get_mut(ngram).filter(|n| **n > 0) {
                    *n -= 1;
                    matches += 1;
                }
            }
            let (output, reference) = (a.windows(order).len(), b.windows(order).len());
            prop_assert_eq!(overlap(&a, &b, order), Overlap { output, reference, matches });
        }
    }
}
