//! What decoding remembers between steps.

use crate::sequences::Sequences;

/// For each hypothesis, the rows of its past in every pool.
///
/// Each operation that looks back keeps a pool to which every step appends its rows, one after the other; all pools grow
/// alike, so one table of row numbers serves them all, and reordering a beam moves these numbers, never the rows.
///
/// Tables keep the room that they grew to: of as many hypotheses of as many tokens, none is asked for again.
#[derive(Clone, Debug, Default)]
pub struct History {
    table: Table,
    /// What the next order is written to.
    next: Table,
    appended: u32,
}

/// Row numbers: of hypothesis i, `rows[i * stride..][..lengths[i]]`. There may be room beyond.
#[derive(Clone, Debug, Default)]
struct Table {
    rows: Vec<u32>,
    lengths: Vec<usize>,
    stride: usize,
}

impl Table {
    fn get(&self, i: usize) -> &[u32] {
        &self.rows[i * self.stride..][..self.lengths[i]]
    }

    fn reserve(&mut self, hypotheses: usize, stride: usize) {
        self.rows.resize(self.rows.len().max(hypotheses * stride), 0);
        self.lengths.reserve(hypotheses.saturating_sub(self.lengths.len()));
    }

    /// Hypothesis i is `from`'s `parents[i]`.
    fn gather(&mut self, from: &Table, parents: impl Iterator<Item = usize> + Clone, stride: usize) {
        self.stride = stride;
        self.lengths.clear();
        self.lengths.extend(parents.clone().map(|p| from.lengths[p]));
        for (i, parent) in parents.enumerate() {
            self.rows[i * stride..][..from.lengths[parent]].copy_from_slice(from.get(parent));
        }
    }
}

impl History {
    /// `hypotheses` without a past.
    pub fn new(hypotheses: usize) -> History {
        let mut history = History::default();
        history.restart(hypotheses);
        history
    }

    /// `hypotheses` without a past, in the room that former ones took.
    pub fn restart(&mut self, hypotheses: usize) {
        self.reserve(hypotheses, self.table.stride);
        self.table.lengths.clear();
        self.table.lengths.resize(hypotheses, 0);
        self.appended = 0;
    }

    /// Both tables take turns, so both get the room.
    fn reserve(&mut self, hypotheses: usize, stride: usize) {
        self.table.reserve(hypotheses, stride);
        self.next.reserve(hypotheses, stride);
    }

    /// Gives each hypothesis the rows that this span is about to append.
    pub fn append(&mut self, span: &Sequences) {
        assert_eq!(span.len(), self.len(), "hypotheses of a span and of its past");
        let longest = self.table.lengths.iter().zip(span.lengths()).map(|(had, more)| had + more).max().unwrap_or(0);
        if longest > self.table.stride {
            let stride = longest.max(2 * self.table.stride);
            self.reserve(self.len(), stride);
            self.next.gather(&self.table, 0..self.len(), stride);
            std::mem::swap(&mut self.table, &mut self.next);
        }
        let Table { rows, lengths, stride } = &mut self.table;
        for (i, (length, more)) in lengths.iter_mut().zip(span.lengths()).enumerate() {
            for row in &mut rows[i * *stride + *length..][..more] {
                *row = self.appended;
                self.appended += 1;
            }
            *length += more;
        }
    }

    /// Hypothesis i goes on from the past of hypothesis `parents[i]`.
    pub fn reorder(&mut self, parents: &[usize]) {
        if parents.iter().copied().eq(0..self.len()) {
            return;
        }
        self.reserve(parents.len(), self.table.stride);
        self.next.gather(&self.table, parents.iter().copied(), self.table.stride);
        std::mem::swap(&mut self.table, &mut self.next);
    }

    /// How many hypotheses.
    pub fn len(&self) -> usize {
        self.table.lengths.len()
    }

    /// Whether there is no hypothesis.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Row numbers of hypothesis `i`, in the order of its tokens, the span being decoded included.
    pub fn rows(&self, i: usize) -> &[u32] {
        self.table.get(i)
    }
}

/// The past as one operation sees it: everybody's history, its own pool.
pub struct Past<'a, S> {
    /// The table of row numbers, the rows of the present span already in it.
    pub history: &'a History,
    /// What this operation remembers; it appends the rows of the present span itself.
    pub state: &'a mut S,
}

/// What a whole decoder remembers between steps.
pub struct DecoderPast<S> {
    /// Shared by all operations.
    pub history: History,
    /// One state for every branch of every layer.
    pub layers: Vec<Vec<S>>,
    /// Room for the positions of a span.
    pub(crate) positions: Vec<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn append(history: &mut History, lengths: &[usize]) {
        history.append(&Sequences::from_lengths(lengths.iter().copied()));
    }

    #[test]
    fn hypotheses_keep_their_own_rows() {
        let mut history = History::new(2);
        append(&mut history, &[2, 1]);
        history.reorder(&[1, 0, 1]);
        append(&mut history, &[1, 3, 1]);
        assert_eq!([0, 1, 2].map(|i| history.rows(i)), [&[2, 3][..], &[0, 1, 4, 5, 6], &[2, 7]]);
        history.reorder(&[2, 0]);
        append(&mut history, &[1, 1]);
        assert_eq!([0, 1].map(|i| history.rows(i)), [[2, 7, 8], [2, 3, 9]]);
        history.restart(3);
        append(&mut history, &[1, 1, 1]);
        assert_eq!([0, 1, 2].map(|i| history.rows(i)), [[0], [1], [2]]);
    }
}
