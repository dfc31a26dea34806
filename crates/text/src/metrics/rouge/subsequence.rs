//! Longest common subsequences.

use std::collections::{BTreeSet, HashMap};

/// The length of the longest common subsequence.
pub(super) fn longest_common(a: &[u32], b: &[u32]) -> usize {
    let mut row = vec![0; b.len() + 1];
    for word in a {
        let mut diagonal = 0;
        for (j, other) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = if word == other { diagonal + 1 } else { above.max(row[j]) };
            diagonal = above;
        }
    }
    row[b.len()]
}

/// For each sentence of the reference, its words that are in a longest common subsequence with any sentence of the output;
/// how many there are, a word counted at most as often as the output has it.
pub(super) fn union_of_common(reference: &[Vec<u32>], output: &[Vec<u32>]) -> usize {
    let mut left: HashMap<u32, usize> = HashMap::new();
    output.iter().flatten().for_each(|&word| *left.entry(word).or_default() += 1);
    let mut hits = 0;
    for sentence in reference {
        let common: BTreeSet<usize> = output.iter().flat_map(|other| common_places(sentence, other)).collect();
        for place in common {
            if let Some(n) = left.get_mut(&sentence[place]).filter(|n| **n > 0) {
                *n -= 1;
                hits += 1;
            }
        }
    }
    hits
}

/// The places in `a` of one longest common subsequence: of several, the one that the original's way back finds.
fn common_places(a: &[u32], b: &[u32]) -> Vec<usize> {
    let width = b.len() + 1;
    let mut table = vec![0u32; width * (a.len() + 1)];
    for i in 1..=a.len() {
        for j in 1..width {
            table[width * i + j] = if a[i - 1] == b[j - 1] {
                table[width * (i - 1) + j - 1] + 1
            } else {
                table[width * (i - 1) + j].max(table[width * i + j - 1])
            };
        }
    }
    let (mut i, mut j, mut places) = (a.len(), b.len(), Vec::new());
    while i > 0 && j > 0 {
        if a[i - 1] == b[j - 1] {
            places.push(i - 1);
            (i, j) = (i - 1, j - 1);
        } else if table[width * i + j - 1] > table[width * (i - 1) + j] {
            j -= 1;
        } else {
            i -= 1;
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn unions_of_sentences() {
        // Lin's example: two sentences of the output cover four words of the reference.
        let (reference, output) = (vec![vec![1, 2, 3, 4, 5]], vec![vec![1, 2, 6, 7, 8], vec![1, 3, 8, 9, 5]]);
        assert_eq!(union_of_common(&reference, &output), 4);
        assert_eq!(union_of_common(&[vec![1, 1], vec![1]], &[vec![1]]), 1);
    }

    proptest! {
        #[test]
        fn both_ways_find_the_same_length(a in prop::collection::vec(0u32..5, 0..20), b in prop::collection::vec(0u32..5, 0..20)) {
            let places = common_places(&a, &b);
            prop_assert_eq!(places.len(), longest_common(&a, &b));
            prop_assert_eq!(longest_common(&a, &b), longest_common(&b, &a));
            let mut rest = b.iter();
            prop_assert!(places.iter().rev().all(|&i| rest.any(|&word| word == a[i])));
        }
    }
}
