//! Pairs that share a sentence, directly or through others, must stay in one part.
//!
//! Sentences are known by their hashes. Pairs with a source or a target in common are joined (union-find), and what is held
//! out is whole components: then no sentence of one part stands in another, on either side.

use super::hash::hash_words;
use crate::Split;

/// The part of each pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) of: Vec<Split>,
    /// Sets of pairs that share no sentence with others.
    pub(super) components: usize,
    /// Pairs of the largest.
    pub(super) largest: usize,
    /// Pairs that could have been held out for valid and for test.
    pub(super) free: [usize; 2],
}

/// A held-out part takes no component of more than this share of it: a part that paraphrases few sentences measures little.
const LARGEST_SHARE: usize = 100;

/// Draws `valid` and `test` pairs from those whose sentences have these hashes; fewer where there are too few of them.
///
/// Memory: twelve bytes a pair beyond the hashes. Which pairs are drawn depends on their sentences and the seed alone, not
/// on the pairs' order.
pub(super) fn draw(source: &[u64], target: &[u64], valid: usize, test: usize, seed: u64) -> Parts {
    let pairs = source.len();
    let roots = roots(source, target);
    let mut sizes = vec![0u32; pairs];
    roots.iter().for_each(|&root| sizes[root as usize] += 1);
    // A component's rank is the lowest of its pairs'.
    let mut ranks = vec![u64::MAX; pairs];
    for (pair, &root) in roots.iter().enumerate() {
        let rank = hash_words(&[seed, source[pair], target[pair]]);
        ranks[root as usize] = ranks[root as usize].min(rank);
    }
    let is_root = |&r: &u32| sizes[r as usize] > 0;
    let mut order: Vec<u32> = (0..pairs as u32).filter(is_root).collect();
    let components = order.len();
    order.sort_unstable_by_key(|&r| (ranks[r as usize], r));
    drop(ranks);

    // Of each root; other pairs' entries are not looked at.
    let mut parts = vec![Split::Train; pairs];
    let mut free = [0; 2];
    for (i, (split, wanted)) in [(Split::Test, test), (Split::Valid, valid)].into_iter().enumerate() {
        let most = (wanted / LARGEST_SHARE).max(1);
        let mut drawn = 0;
        for &root in &order {
            let size = sizes[root as usize] as usize;
            if parts[root as usize] == Split::Train && size <= most {
                free[1 - i] += size;
                if drawn + size <= wanted {
                    parts[root as usize] = split;
                    drawn += size;
                }
            }
        }
    }
    Parts {
        of: roots.iter().map(|&root| parts[root as usize]).collect(),
        components,
        largest: sizes.iter().copied().max().unwrap_or(0) as usize,
        free,
    }
}

/// For each pair the first of its component.
fn roots(source: &[u64], target: &[u64]) -> Vec<u32> {
    let mut parents: Vec<u32> = (0..source.len() as u32).collect();
    let mut order = parents.clone();
    for side in [source, target] {
        order.sort_unstable_by_key(|&pair| (side[pair as usize], pair));
        for two in order.windows(2) {
            if side[two[0] as usize] == side[two[1] as usize] {
                join(&mut parents, two[0], two[1]);
            }
        }
    }
    for pair in 0..parents.len() as u32 {
        // A parent stands before its child, so its own parent is the root by now.
        parents[pair as usize] = root(&mut parents, pair);
    }
    parents
}

fn root(parents: &mut [u32], mut pair: u32) -> u32 {
    while parents[pair as usize] != pair {
        // Each step halves the path for those who come after.
        let above = parents[parents[pair as usize] as usize];
        parents[pair as usize] = above;
        pair = above;
    }
    pair
}

/// The lower root stays: what comes out does not depend on the order of joining.
fn join(parents: &mut [u32], a: u32, b: u32) {
    let (a, b) = (root(parents, a), root(parents, b));
    parents[a.max(b) as usize] = a.min(b);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn parts_share_no_sentence(
            pairs in prop::collection::vec((0u64..60, 0u64..60), 0..80), valid in 0usize..12, test in 0usize..12, seed: u64
        ) {
            let (source, target): (Vec<u64>, Vec<u64>) = pairs.iter().copied().unzip();
            let parts = draw(&source, &target, valid, test, seed);
            for side in [&source, &target] {
                let of = |split| -> HashSet<u64> {
                    parts.of.iter().zip(side).filter(|(p, _)| **p == split).map(|(_, h)| *h).collect()
                };
                let sets = [Split::Train, Split::Valid, Split::Test].map(of);
                prop_assert!(sets[0].is_disjoint(&sets[1]) && sets[0].is_disjoint(&sets[2]) && sets[1].is_disjoint(&sets[2]));
            }
            let count = |split| parts.of.iter().filter(|p| **p == split).count();
            prop_assert!(count(Split::Valid) <= valid && count(Split::Test) <= test);
            // No more could be held out than is free, and single pairs fill a part up.
            prop_assert_eq!(count(Split::Test), test.min(parts.free[1]));
            prop_assert_eq!(count(Split::Valid), valid.min(parts.free[0]));
        }

        #[test]
        fn what_is_drawn_does_not_depend_on_the_order(
            pairs in prop::collection::hash_set((0u64..90, 0u64..90), 0..60), seed: u64, turn in any::<prop::sample::Index>()
        ) {
            let pairs: Vec<(u64, u64)> = pairs.into_iter().collect();
            let drawn = |pairs: &[(u64, u64)]| -> HashSet<(u64, u64)> {
                let (source, target): (Vec<u64>, Vec<u64>) = pairs.iter().copied().unzip();
                let parts = draw(&source, &target, 5, 5, seed);
                pairs.iter().zip(parts.of).filter(|(_, p)| *p == Split::Test).map(|(pair, _)| *pair).collect()
            };
            let mut turned = pairs.clone();
            turned.rotate_left(turn.index(pairs.len().max(1)).min(pairs.len()));
            prop_assert_eq!(drawn(&pairs), drawn(&turned));
        }
    }
}
