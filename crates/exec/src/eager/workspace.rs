//! What an executor of inference works in, and hands on to the next one.

use lsra_kernels::attention::AttentionScratch;
use lsra_kernels::cross_entropy::LossScratch;
use lsra_tensor::Arena;

/// Room that grows to what it was used for and stays: an executor over a workspace that has seen as many rows makes each step of decoding
/// without asking for memory.
#[derive(Default)]
pub struct Workspace {
    /// Values of all tokens.
    pub(super) values: Arena,
    /// Keys of sources, whose panels take more rows than there are tokens.
    pub(super) panels: Arena,
    /// Rows as wide as a vocabulary. They are of few tokens, whatever the size of the batch.
    pub(super) words: Arena,
    pub(super) attention: AttentionScratch,
    pub(super) loss: LossScratch,
    pub(super) stats: Vec<f32>,
    pub(super) spans: Spans,
}

/// Which queries meet which keys, as the kernels want it told.
#[derive(Default)]
pub(super) struct Spans {
    /// Where each sequence of queries starts, and the last ends.
    pub offsets: Vec<usize>,
    /// Its keys' rows.
    pub keys: Vec<(usize, usize)>,
    /// And their first panel, where keys were laid out in panels.
    pub panels: Vec<usize>,
    /// That of every source.
    pub first_panels: Vec<usize>,
}

impl Spans {
    pub fn clear(&mut self) {
        self.offsets.clear();
        self.offsets.push(0);
        self.keys.clear();
        self.panels.clear();
    }

    /// The next sequence: so many queries, keys from the first row to before the second.
    pub fn push(&mut self, queries: usize, keys: (usize, usize)) {
        self.offsets.push(self.offsets.last().copied().unwrap_or(0) + queries);
        self.keys.push(keys);
    }
}
