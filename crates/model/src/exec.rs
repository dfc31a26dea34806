//! The operations of a model, as an executor implements them.

use crate::layers::{Attention, Convolution, Dropout, Embedding, Linear, Norm};
use crate::past::Past;
use crate::sequences::Sequences;
use std::ops::Range;

/// Which keys a query sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// All of its sequence.
    None,
    /// Those up to its own position.
    Causal,
}

/// What a loss comes to, token by token, in nats.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Losses {
    /// Label-smoothed.
    pub smoothed: Vec<f32>,
    /// Negative log-likelihood.
    pub nll: Vec<f32>,
}

/// One way to run a model: infer, differentiate, count, check in f64.
///
/// Values are `[tokens, channels]`. Operations are as large as a layer, because that is where fusion, adjoints and
/// cost formulas live. Training's dropout is an executor's business: those that do not train ignore it.
pub trait Exec {
    /// A value: a tensor, a node of a tape, a shape. Clones are handles.
    type T: Clone;
    /// What one operation remembers between the steps of decoding.
    type State;
    /// Keys and values of source sentences, which many steps may read.
    type Keys;

    /// Rows of the table x scale + sinusoid of the position, then dropout. `positions` count from 0 in each sequence.
    fn embed(&mut self, e: &Embedding, ids: &[u32], positions: &[u32], sequences: &Sequences) -> Self::T;

    /// x: `[tokens, inputs]` -> `[tokens, outputs]`.
    fn linear(&mut self, x: &Self::T, l: &Linear) -> Self::T;

    /// A range of channels.
    fn channels(&mut self, x: &Self::T, range: Range<usize>) -> Self::T;

    /// Channels of all, side by side.
    fn concat(&mut self, parts: &[Self::T]) -> Self::T;

    /// x: `[tokens, 2C]` -> first half x sigmoid(second half).
    fn glu(&mut self, x: Self::T) -> Self::T;

    /// The convolution with fixed taps, softmax and dropout of the taps included.
    fn light_conv(
        &mut self,
        x: &Self::T,
        c: &Convolution,
        sequences: &Sequences,
        past: Option<Past<'_, Self::State>>,
    ) -> Self::T;

    /// The convolution with predicted taps `[tokens, heads * kernel]`, their softmax and dropout included.
    fn dynamic_conv(
        &mut self,
        x: &Self::T,
        taps: &Self::T,
        c: &Convolution,
        sequences: &Sequences,
        past: Option<Past<'_, Self::State>>,
    ) -> Self::T;

    /// Attention within each sequence; with a past, keys and values of earlier steps come first. q, k, v: `[tokens, channels]`.
    fn self_attention(
        &mut self,
        qkv: [&Self::T; 3],
        a: &Attention,
        mask: Mask,
        sequences: &Sequences,
        past: Option<Past<'_, Self::State>>,
    ) -> Self::T;

    /// Keys and values of the sources, `[source tokens, channels]`, for [`Exec::cross_attention`].
    fn keys(&mut self, k: Self::T, v: Self::T, sources: &Sequences) -> Self::Keys;

    /// Attention of target sequence i to the keys of source sequence `owners[i]`. q: `[target tokens, channels]`.
    fn cross_attention(
        &mut self,
        q: &Self::T,
        keys: &Self::Keys,
        a: &Attention,
        targets: &Sequences,
        sources: &Sequences,
        owners: &[usize],
    ) -> Self::T;

    /// norm(residual + dropout(x)).
    fn add_norm(
        &mut self,
        x: Self::T,
        residual: &Self::T,
        n: &Norm,
        dropout: &Dropout,
        sequences: &Sequences,
    ) -> Self::T;

    /// residual + dropout(x).
    fn add(&mut self, x: Self::T, residual: &Self::T, dropout: &Dropout, sequences: &Sequences) -> Self::T;

    /// norm(x).
    fn norm(&mut self, x: &Self::T, n: &Norm) -> Self::T;

    /// Label-smoothed cross entropy of the output projection of x, one target a token: (1 - smoothing) nll
    /// + smoothing / words x the sum over all words of -log p.
    fn loss(&mut self, x: &Self::T, output: &Linear, targets: &[u32], smoothing: f32) -> Losses;

    /// An empty memory for one operation.
    fn new_state(&mut self) -> Self::State;

    /// What follows, until [`Exec::leave`], belongs to this part of the model, as in `encoder.layers.0`, `self_attn`.
    fn enter(&mut self, _part: &str) {}

    /// Ends the innermost part.
    fn leave(&mut self) {}
}
