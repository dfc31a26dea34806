//! Kinds of operations, as reports name them.

use std::fmt;

/// What an operation is, wherever it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A lookup: no multiply-add.
    Embedding,
    /// Q, K, V and output projections of the attention branch.
    SelfAttentionLinear,
    /// Its Q K' and A V.
    SelfAttentionProducts,
    /// Linear layers before and after the convolution.
    ConvolutionLinear,
    /// The linear layer that predicts a dynamic convolution's taps.
    TapsLinear,
    /// The convolution itself.
    Taps,
    /// Projections of the attention to the source.
    CrossAttentionLinear,
    /// Its Q K' and A V.
    CrossAttentionProducts,
    /// Both linear layers of the feed-forward block.
    FeedForward,
    /// Layer norms: not counted as multiply-adds.
    Norm,
    /// Onto the target vocabulary.
    OutputProjection,
}

impl Kind {
    /// All of them, in the order of the forward pass.
    pub const ALL: [Kind; 11] = [
        Kind::Embedding,
        Kind::SelfAttentionLinear,
        Kind::SelfAttentionProducts,
        Kind::ConvolutionLinear,
        Kind::TapsLinear,
        Kind::Taps,
        Kind::CrossAttentionLinear,
        Kind::CrossAttentionProducts,
        Kind::FeedForward,
        Kind::Norm,
        Kind::OutputProjection,
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Embedding => "embedding",
            Kind::SelfAttentionLinear => "self_attn.linear",
            Kind::SelfAttentionProducts => "self_attn.matmul",
            Kind::ConvolutionLinear => "conv.linear",
            Kind::TapsLinear => "conv.weight_linear",
            Kind::Taps => "conv.taps",
            Kind::CrossAttentionLinear => "cross_attn.linear",
            Kind::CrossAttentionProducts => "cross_attn.matmul",
            Kind::FeedForward => "ffn",
            Kind::Norm => "norm",
            Kind::OutputProjection => "output",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
