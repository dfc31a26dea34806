//! Attention: out[i] = sum over j of softmax_j(scale q[i] . k[j]) v[j], head by head, sequence by sequence.

mod plain;

pub use plain::{attention, attention_backward, attention_gather, attention_weights};

use crate::dropout::DropoutKey;

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
pub struct AttentionScratch {}
