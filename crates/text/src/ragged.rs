//! Sequences of different lengths, one after the other without padding.

/// `ids` of all sequences; sequence `i` is `ids[offsets[i]..offsets[i + 1]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ragged {
    /// `[tokens]`.
    pub ids: Vec<u32>,
    /// `[sequences + 1]`, from 0 to the number of tokens, never falling.
    pub offsets: Vec<usize>,
}

impl Ragged {
    /// These sequences in this order.
    pub fn from_sequences<'a>(sequences: impl IntoIterator<Item = &'a [u32]>) -> Ragged {
        let mut ragged = Ragged::default();
        sequences.into_iter().for_each(|s| ragged.push(s));
        ragged
    }

    /// Appends a sequence.
    pub fn push(&mut self, sequence: &[u32]) {
        self.ids.extend_from_slice(sequence);
        self.offsets.push(self.ids.len());
    }

    /// Number of sequences.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there are no sequences.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of tokens in all sequences.
    pub fn tokens(&self) -> usize {
        self.ids.len()
    }

    /// Sequence `i`. Panics where there are not that many.
    pub fn sequence(&self, i: usize) -> &[u32] {
        &self.ids[self.offsets[i]..self.offsets[i + 1]]
    }

    /// The sequences in order.
    pub fn sequences(&self) -> impl Iterator<Item = &[u32]> {
        self.offsets.windows(2).map(|w| &self.ids[w[0]..w[1]])
    }
}

impl Default for Ragged {
    fn default() -> Ragged {
        Ragged { ids: Vec::new(), offsets: vec![0] }
    }
}
