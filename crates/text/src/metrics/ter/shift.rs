//! Moving words of the output together to where the reference has them.

use super::alignment::Alignment;
use super::distance::Distance;
use std::collections::HashMap;

/// The most words that move together.
const MAX_LENGTH: usize = 10;

/// The furthest that words move from their place.
const MAX_DISTANCE: usize = 50;

/// The most shifts that are tried for a sentence.
const MAX_TRIED: usize = 1000;

/// Words that move together, and where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shift {
    start: usize,
    length: usize,
    /// The word before which they land, counted before the move.
    target: usize,
}

impl Shift {
    /// The words after the move.
    pub(super) fn words(&self, words: &[u32]) -> Vec<u32> {
        let Shift { start, length, target } = *self;
        let end = start + length;
        let moved = &words[start..end];
        if target < start {
            [&words[..target], moved, &words[target..start], &words[end..]].concat()
        } else if target > end {
            [&words[..start], &words[end..target], moved, &words[target..]].concat()
        } else {
            // Into itself: by as many words as the target lies after the start.
            let landed = (length + target).min(words.len());
            [&words[..start], &words[end..landed], moved, &words[landed..]].concat()
        }
    }
}

/// A shift and what it saves.
pub(super) struct Best {
    pub(super) of: Shift,
    /// Edits saved, below 0 where it costs some.
    pub(super) gain: i64,
}

/// How much was tried for a sentence.
#[derive(Default)]
pub(super) struct Search {
    tried: usize,
}

impl Search {
    /// Whether no more is to be tried; then no more is shifted either.
    pub(super) fn exhausted(&self) -> bool {
        self.tried >= MAX_TRIED
    }
}

/// The shift that saves most; of several, the longest, then the first to start, then the first to land. `distance` has
/// been rewritten to `output`.
pub(super) fn best_shift(
    output: &[u32],
    reference: &[u32],
    distance: &mut Distance<'_>,
    search: &mut Search,
) -> Option<Best> {
    let before = i64::from(distance.edits());
    let alignment = Alignment::of(&distance.trace());
    let mut known: HashMap<Shift, i64> = HashMap::new();
    let mut best: Option<Best> = None;
    let rank = |b: &Best| (b.gain, b.of.length, std::cmp::Reverse(b.of.start), std::cmp::Reverse(b.of.target));
    'pairs: for (start, there, length) in pairs(output, reference) {
        // Only what is wrong moves, and only to where something is wrong.
        let wrong = |wrong: &[bool], from: usize| wrong[from..from + length].iter().any(|&w| w);
        if !wrong(&alignment.output_wrong, start) || !wrong(&alignment.reference_wrong, there) {
            continue;
        }
        let within = start as isize..(start + length) as isize;
        if within.contains(&alignment.to_output[there]) {
            continue;
        }
        let mut last = None;
        for target in targets(&alignment, there, length) {
            if last.replace(target) == Some(target) {
                continue;
            }
            let shift = Shift { start, length, target };
            let gain = *known.entry(shift).or_insert_with(|| {
                let same = start.min(target);
                before - i64::from(distance.of(&shift.words(output), same))
            });
            search.tried += 1;
            let candidate = Best { of: shift, gain };
            if best.as_ref().is_none_or(|best| rank(&candidate) > rank(best)) {
                best = Some(candidate);
            }
        }
        if search.exhausted() {
            break 'pairs;
        }
    }
    best
}

/// Where words can land whose counterparts in the reference start at `there`: before, and after each of, the words that
/// the output has in their places.
fn targets(alignment: &Alignment, there: usize, length: usize) -> impl Iterator<Item = usize> {
    (there..=there + length).map_while(|next| match next {
        0 => Some(0),
        _ => alignment.to_output.get(next - 1).map(|&at| (at + 1) as usize),
    })
}

/// Runs of words that both sides have: start in the output, start in the reference, length; each run and each of its
/// beginnings.
fn pairs(output: &[u32], reference: &[u32]) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..output.len()).flat_map(move |start| {
        let near = start.saturating_sub(MAX_DISTANCE)..reference.len().min(start + MAX_DISTANCE + 1);
        near.flat_map(move |there| {
            let common = output[start..].iter().zip(&reference[there..]).take_while(|(a, b)| a == b);
            (1..=common.take(MAX_LENGTH).count()).map(move |length| (start, there, length))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_land_where_they_should() {
        let words = [0, 1, 2, 3, 4, 5];
        let shifted = |start, length, target| Shift { start, length, target }.words(&words);
        assert_eq!(shifted(3, 2, 1), [0, 3, 4, 1, 2, 5]);
        assert_eq!(shifted(0, 2, 4), [2, 3, 0, 1, 4, 5]);
        assert_eq!(shifted(1, 2, 2), [0, 3, 1, 2, 4, 5]);
        assert_eq!(shifted(4, 2, 5), words);
    }

    #[test]
    fn runs_have_all_their_beginnings() {
        let found: Vec<_> = pairs(&[1, 2, 3], &[2, 3, 1]).collect();
        assert_eq!(found, [(0, 2, 1), (1, 0, 1), (1, 0, 2), (2, 1, 1)]);
    }
}
