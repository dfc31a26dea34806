//! Ragged batches: rows of several sequences one after the other, without padding.

/// Where each sequence of a batch lies among its rows, and which sentence of the corpus it is.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Sequences {
    offsets: Vec<usize>,
    sentences: Vec<u64>,
}

impl Sequences {
    /// From the length of each sequence; sentences are numbered 0, 1, 2, …
    pub fn from_lengths(lengths: impl IntoIterator<Item = usize>) -> Sequences {
        let mut sequences = Sequences::default();
        sequences.refill(lengths);
        sequences
    }

    /// As [`Sequences::from_lengths`], in the room that former ones took.
    pub fn refill(&mut self, lengths: impl IntoIterator<Item = usize>) {
        self.offsets.clear();
        self.offsets.push(0);
        let mut end = 0;
        for length in lengths {
            end += length;
            self.offsets.push(end);
        }
        self.sentences.clear();
        self.sentences.extend(0..self.offsets.len() as u64 - 1);
    }

    /// Names the sentences, which dropout masks depend on. Panics unless there is one name a sequence.
    pub fn with_sentences(mut self, sentences: Vec<u64>) -> Sequences {
        assert_eq!(sentences.len(), self.len(), "one sentence number a sequence");
        self.sentences = sentences;
        self
    }

    /// How many sequences.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there is no sequence.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many rows in all.
    pub fn rows(&self) -> usize {
        self.offsets.last().copied().unwrap_or(0)
    }

    /// Sequence `i` is rows `offsets[i]..offsets[i + 1]`.
    pub fn offsets(&self) -> &[usize] {
        &self.offsets
    }

    /// The sentence number of each sequence.
    pub fn sentences(&self) -> &[u64] {
        &self.sentences
    }

    /// The rows of sequence `i`.
    pub fn range(&self, i: usize) -> std::ops::Range<usize> {
        self.offsets[i]..self.offsets[i + 1]
    }

    /// The length of sequence `i`.
    pub fn length(&self, i: usize) -> usize {
        self.offsets[i + 1] - self.offsets[i]
    }

    /// The length of every sequence.
    pub fn lengths(&self) -> impl Iterator<Item = usize> + '_ {
        self.offsets.windows(2).map(|w| w[1] - w[0])
    }
}

/// Token ids of a ragged batch.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tokens {
    /// One id a row.
    pub ids: Vec<u32>,
    /// Which rows belong together.
    pub sequences: Sequences,
}

impl Tokens {
    /// From one slice of ids a sequence.
    pub fn from_sequences<S: AsRef<[u32]>>(sequences: &[S]) -> Tokens {
        Tokens {
            ids: sequences.iter().flat_map(|s| s.as_ref().iter().copied()).collect(),
            sequences: Sequences::from_lengths(sequences.iter().map(|s| s.as_ref().len())),
        }
    }
}
