//! The edit distance of Levenshtein along a band around the diagonal.
//!
//! Row i holds, for each j, the edits that turn the first i words of the output into the first j of the reference. A shift
//! leaves the words before it where they are, and with them their rows: its distance is computed from there on.

/// Cells to each side of the diagonal.
const BEAM: usize = 25;

/// More edits than any; a cell outside of the band.
const FAR: u32 = u32::MAX / 2;

/// What a cell was reached by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    /// The words are the same.
    Keep,
    /// Another word in place of this one.
    Replace,
    /// A word of the reference is put in.
    Insert,
    /// A word of the output is left out.
    Delete,
    /// Not reached.
    None,
}

/// Distances from one reference.
pub(super) struct Distance<'a> {
    reference: &'a [u32],
    /// Of the output last rewritten. [output + 1, reference + 1]
    costs: Vec<u32>,
    edits: Vec<Edit>,
    length: usize,
    /// Two rows for an output that is only tried.
    tried: [Vec<u32>; 2],
}

impl<'a> Distance<'a> {
    pub(super) fn new(reference: &'a [u32]) -> Distance<'a> {
        let tried = [vec![FAR; reference.len() + 1], vec![FAR; reference.len() + 1]];
        Distance { reference, costs: Vec::new(), edits: Vec::new(), length: 0, tried }
    }

    /// Fills all rows for an output.
    pub(super) fn rewrite(&mut self, output: &[u32]) {
        let width = self.reference.len() + 1;
        self.length = output.len();
        self.costs.clear();
        self.costs.extend(0..width as u32);
        self.costs.resize(width * (output.len() + 1), FAR);
        self.edits.clear();
        self.edits.resize(width, Edit::Insert);
        self.edits.resize(width * (output.len() + 1), Edit::None);
        for (i, &word) in output.iter().enumerate() {
            let (done, rest) = self.costs.split_at_mut(width * (i + 1));
            let edits = &mut self.edits[width * (i + 1)..][..width];
            let row = &mut rest[..width];
            let band = Band::of_row(i + 1, output.len(), self.reference.len());
            fill(self.reference, word, &done[width * i..], row, &band, |j, edit| edits[j] = edit);
        }
    }

    /// Of the output last rewritten.
    pub(super) fn edits(&self) -> u32 {
        self.costs[self.costs.len() - 1]
    }

    /// The distance of an output as long as the one last rewritten, with the same words before `same`.
    pub(super) fn of(&mut self, output: &[u32], same: usize) -> u32 {
        assert_eq!(output.len(), self.length, "words of an output and of its shift");
        let width = self.reference.len() + 1;
        let [previous, row] = &mut self.tried;
        previous.copy_from_slice(&self.costs[width * same..][..width]);
        for (i, &word) in output.iter().enumerate().skip(same) {
            row.fill(FAR);
            let band = Band::of_row(i + 1, output.len(), self.reference.len());
            fill(self.reference, word, previous, row, &band, |_, _| {});
            std::mem::swap(previous, row);
        }
        previous[width - 1]
    }

    /// The edits in order, of the output last rewritten.
    pub(super) fn trace(&self) -> Vec<Edit> {
        let width = self.reference.len() + 1;
        let (mut i, mut j) = (self.length, width - 1);
        let mut trace = Vec::with_capacity(i + j);
        while i > 0 || j > 0 {
            let edit = self.edits[width * i + j];
            trace.push(edit);
            match edit {
                Edit::Keep | Edit::Replace => (i, j) = (i - 1, j - 1),
                Edit::Insert => j -= 1,
                Edit::Delete => i -= 1,
                Edit::None => panic!("cell {i}, {j} of the distance was not reached"),
            }
        }
        trace.reverse();
        trace
    }
}

/// The cells of a row that are looked at.
struct Band {
    start: usize,
    end: usize,
}

impl Band {
    /// Of row `i`, from 1.
    fn of_row(i: usize, output: usize, reference: usize) -> Band {
        let ratio = reference as f64 / output as f64;
        // Where lengths differ so much that the bands of two rows would not meet, they are wider.
        let beam = if (BEAM as f64) < ratio / 2.0 { (ratio / 2.0 + BEAM as f64).ceil() as usize } else { BEAM };
        let diagonal = (i as f64 * ratio).floor() as usize;
        let end = if i == output { reference + 1 } else { (diagonal + beam).min(reference + 1) };
        Band { start: diagonal.saturating_sub(beam), end }
    }
}

/// Fills a row from the one before it. Of edits that cost the same, the first of keep or replace, delete, insert is taken.
fn fill(
    reference: &[u32],
    word: u32,
    previous: &[u32],
    row: &mut [u32],
    band: &Band,
    mut edited: impl FnMut(usize, Edit),
) {
    for j in band.start..band.end {
        if j == 0 {
            row[0] = previous[0] + 1;
            edited(0, Edit::Delete);
            continue;
        }
        let (diagonal, mut edit) =
            if word == reference[j - 1] { (previous[j - 1], Edit::Keep) } else { (previous[j - 1] + 1, Edit::Replace) };
        let mut cost = diagonal;
        if previous[j] + 1 < cost {
            (cost, edit) = (previous[j] + 1, Edit::Delete);
        }
        if row[j - 1] + 1 < cost {
            (cost, edit) = (row[j - 1] + 1, Edit::Insert);
        }
        if cost < FAR {
            row[j] = cost;
            edited(j, edit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The whole table, as textbooks have it.
    fn plain(output: &[u32], reference: &[u32]) -> u32 {
        let mut row: Vec<u32> = (0..=reference.len() as u32).collect();
        for (i, word) in output.iter().enumerate() {
            let mut diagonal = row[0];
            row[0] = i as u32 + 1;
            for (j, other) in reference.iter().enumerate() {
                let cost = (diagonal + u32::from(word != other)).min(row[j] + 1).min(row[j + 1] + 1);
                diagonal = std::mem::replace(&mut row[j + 1], cost);
            }
        }
        row[reference.len()]
    }

    proptest! {
        /// Within the band's width the band changes nothing, and rows that are kept are as good as new ones.
        #[test]
        fn distances_are_levenshteins(
            output in prop::collection::vec(0u32..4, 0..24),
            reference in prop::collection::vec(0u32..4, 1..24),
            other in prop::collection::vec(0u32..4, 24),
            same in 0usize..24,
        ) {
            let mut distance = Distance::new(&reference);
            distance.rewrite(&output);
            prop_assert_eq!(distance.edits(), plain(&output, &reference));
            let changes = distance.trace().into_iter().filter(|&e| e != Edit::Keep).count();
            prop_assert_eq!(changes as u32, distance.edits());
            let same = same.min(output.len());
            let tried = [&output[..same], &other[same..output.len()]].concat();
            prop_assert_eq!(distance.of(&tried, same), plain(&tried, &reference));
        }

        /// Sides of any lengths have a distance.
        #[test]
        fn every_corner_is_reached(output in 0usize..400, reference in 1usize..400) {
            let reference = vec![1; reference];
            let mut distance = Distance::new(&reference);
            distance.rewrite(&vec![1; output]);
            prop_assert_eq!(distance.edits() as usize, output.abs_diff(reference.len()));
            distance.trace();
        }
    }
}
