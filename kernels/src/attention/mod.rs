//! Attention: `out[i] = sum over j of softmax_j(scale q[i] . k[j]) v[j]`, head by head, sequence by sequence.
//! Vaswani et al. 2017, section 3.2.
//!
//! Nothing of the size queries x keys is stored. Queries meet the keys a tile at a time, from key 0 on, with a running maximum
//! and sum (Milakov and Gimelshein 2018); the adjoint makes the weights again from the logarithm of the sum (Dao et al. 2022).
//!
//! Three bodies do so. `across` has sixteen or thirty-two queries across vectors, where these are wide and there are queries to fill them.
//! `few` takes up to four queries that see the same keys, which may have been laid out in `panels`, or that are left at a sequence's end.
//! `forward` and `backward` take what is left, with dropout or in narrow vectors, a block of queries at a time; their keys are transposed
//! within a tile, so that the scores of a vector of keys are one vector.
//!
//! A score is one accumulator over channels, an output one accumulator over keys, and tiles start at key 0 of the sequence: a query's
//! bits depend on the keys that it sees alone, not on its block, its batch, or on being a step of decoding, as long as keys and values are
//! finite: queries that are taken together meet zeros times those that their last one sees.

mod across;
mod across_backward;
mod backward;
mod few;
mod forward;
mod pack;
mod panels;
mod weights;

pub use backward::attention_backward;
pub use few::FEW;
pub use forward::{attention, attention_gather};
pub use panels::{KeyPanels, PANEL, attention_over_panels, key_panels, lay_out_keys, panel_values};
pub use weights::attention_weights;

use crate::Rows;
use crate::dropout::DropoutKey;
use crate::scratch::Scratch;
use pulp::Simd;

/// Sizes of an attention. q, k, v and out are `[rows, heads * head_dim]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionShape {
    /// Heads, each a run of neighbouring channels.
    pub heads: usize,
    /// Channels of a head.
    pub head_dim: usize,
    /// Factor on q: 1 / sqrt(head_dim).
    pub scale: f32,
}

impl AttentionShape {
    /// Heads that share `channels`, q scaled by 1 / sqrt(head_dim).
    pub fn new(channels: usize, heads: usize) -> AttentionShape {
        assert!(heads > 0 && channels.is_multiple_of(heads), "{channels} channels in {heads} heads");
        let head_dim = channels / heads;
        AttentionShape { heads, head_dim, scale: (head_dim as f32).sqrt().recip() }
    }

    /// Channels of all heads.
    pub fn channels(&self) -> usize {
        self.heads * self.head_dim
    }
}

/// Which keys a query sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// All of its sequence.
    None,
    /// Query i of n those up to i + (number of keys - n): the last query sees all.
    Causal,
}

/// Dropout of the weights, after the softmax.
#[derive(Clone, Copy, Debug)]
pub struct Dropped<'a> {
    /// Probability to drop a weight.
    pub p: f32,
    /// One a query sequence. Weight (head, i, j) is element (head x queries + i) x keys + j of its mask.
    pub keys: &'a [DropoutKey],
}

/// Room to work in; it grows to the largest sequence it has met.
#[derive(Clone, Debug, Default)]
pub struct AttentionScratch {
    values: Scratch,
    /// Masks of a block of queries; apart from the rest, so that what lies beyond them is finite.
    masks: Vec<f32>,
    /// Softmaxes of a few queries, head by head.
    running: Vec<forward::Running>,
}

/// Keys of a tile: 4 vectors of AVX-512, and most sentences in one tile.
const TILE: usize = 64;

/// Most queries of a block.
const MOST_ROWS: usize = 8;

/// Queries of the last block of a sequence, some of which may be zero rows: the sums of a single one would wait for each other.
const FEWEST_ROWS: usize = 4;

/// Whether blocks have [`MOST_ROWS`], not only [`FEWEST_ROWS`]: where there are registers for them.
const fn tall<S: Simd>() -> bool {
    S::REGISTER_COUNT >= 32
}

/// Where a sequence's keys and values are.
#[derive(Clone, Copy)]
enum Places<'a> {
    /// Rows from the first to before the second.
    Between(usize, usize),
    /// One by one.
    Listed(&'a [u32]),
}

impl<'a> Places<'a> {
    #[inline(always)]
    fn len(&self) -> usize {
        match self {
            Places::Between(start, end) => end - start,
            Places::Listed(rows) => rows.len(),
        }
    }

    #[inline(always)]
    fn row(&self, key: usize) -> usize {
        match self {
            Places::Between(start, _) => start + key,
            Places::Listed(rows) => rows[key] as usize,
        }
    }
}

/// Which queries meet which keys.
#[derive(Clone, Copy)]
struct Spans<'a> {
    shape: &'a AttentionShape,
    mask: Mask,
    q_offsets: &'a [usize],
    kv_ranges: &'a [(usize, usize)],
}

impl<'a> Spans<'a> {
    /// Panics where sizes disagree, or a query sees no key.
    fn check(&self, q: &Rows<'_>, k: &Rows<'_>) {
        let channels = self.shape.channels();
        assert_eq!((q.cols, k.cols), (channels, channels), "{:?}: channels of queries and keys", self.shape);
        assert_eq!(self.q_offsets.last(), Some(&q.rows), "rows of the sequences and of q");
        assert_eq!(self.q_offsets.len(), self.kv_ranges.len() + 1, "one range of keys a query sequence");
        for (ends, &(start, end)) in self.q_offsets.windows(2).zip(self.kv_ranges) {
            assert!(ends[0] <= ends[1] && start <= end && end <= k.rows, "keys {start}..{end} of {}", k.rows);
            let fewest = if self.mask == Mask::Causal { ends[1] - ends[0] } else { (ends[0] < ends[1]).into() };
            assert!(end - start >= fewest, "{} queries over {} keys, {:?}", ends[1] - ends[0], end - start, self.mask);
        }
    }

    /// (first query, queries, keys) of each sequence.
    fn sequences(self) -> impl Iterator<Item = (usize, usize, Places<'a>)> {
        let pairs = self.q_offsets.windows(2).zip(self.kv_ranges);
        pairs.map(|(ends, &(start, end))| (ends[0], ends[1] - ends[0], Places::Between(start, end)))
    }

    /// Pairs of a query and a key that it sees.
    fn pairs(self) -> usize {
        let pairs = |queries: usize, keys: usize| match self.mask {
            Mask::None => queries * keys,
            Mask::Causal => queries * keys - queries * queries.saturating_sub(1) / 2,
        };
        self.sequences().map(|(_, queries, places)| pairs(queries, places.len())).sum()
    }
}

/// Keys that query i of `queries` sees.
#[inline(always)]
fn seen(mask: Mask, i: usize, queries: usize, keys: usize) -> usize {
    match mask {
        Mask::None => keys,
        Mask::Causal => i + 1 + keys - queries,
    }
}
