//! What decoding remembers between steps.

use crate::sequences::Sequences;

/// For each hypothesis, the rows of its past in every pool.
///
/// Each operation that looks back keeps a pool to which every step appends its rows, one after the other; all pools grow
/// alike, so one table of row numbers serves them all, and reordering a beam moves these numbers, never the rows.
#[derive(Clone, Debug, Default)]
pub struct History {
    rows: Vec<Vec<u32>>,
    appended: u32,
}

impl History {
    /// `hypotheses` without a past.
    pub fn new(hypotheses: usize) -> History {
        History { rows: vec![Vec::new(); hypotheses], appended: 0 }
    }

    /// Gives each hypothesis the rows that this span is about to append.
    pub fn append(&mut self, span: &Sequences) {
        assert_eq!(span.len(), self.rows.len(), "hypotheses of a span and of its past");
        for (rows, length) in self.rows.iter_mut().zip(span.lengths()) {
            rows.extend(self.appended..self.appended + length as u32);
            self.appended += length as u32;
        }
    }

    /// Hypothesis i goes on from the past of hypothesis `parents[i]`.
    pub fn reorder(&mut self, parents: &[usize]) {
        if parents.iter().copied().eq(0..self.rows.len()) {
            return;
        }
        self.rows = parents.iter().map(|&p| self.rows[p].clone()).collect();
    }

    /// How many hypotheses.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no hypothesis.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Row numbers of hypothesis `i`, in the order of its tokens, the span being decoded included.
    pub fn rows(&self, i: usize) -> &[u32] {
        &self.rows[i]
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
}
