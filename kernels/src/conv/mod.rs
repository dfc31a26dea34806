//! Convolution over time: `y[t, c] = sum over k of w[k] x[t + k - left, c]`, within the sequence.
//!
//! Three kinds of taps w: a row of them a head ([`light_conv`]), one a head and token ([`dynamic_conv`]), one a channel
//! ([`depthwise_conv`]). Taps that fall outside the sequence are dropped, and those left are not normalised anew. Every output is
//! one accumulator over k ascending, so a decoding step ([`conv_step_gather`]) has the bits of the whole pass.

mod band;
mod dynamic;
mod light;
mod step;
mod taps;
mod taps_gradient;

pub use dynamic::{dynamic_conv, dynamic_conv_backward};
pub use light::{depthwise_conv, depthwise_conv_backward, light_conv, light_conv_backward};
pub use step::conv_step_gather;
pub use taps::{expand_taps, reduce_taps, softmax_taps, softmax_taps_backward};

use crate::Rows;

/// Sizes of a convolution. Channel c belongs to head c / (channels / heads).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Channels of x and y.
    pub channels: usize,
    /// Heads, each a run of neighbouring channels that share taps.
    pub heads: usize,
    /// Taps.
    pub kernel: usize,
    /// How far the first tap lies before the output: kernel / 2 for a centred convolution, kernel - 1 for a causal one.
    pub left: usize,
}

impl ConvShape {
    /// `y[t]` reads `x[t - kernel / 2]` and what follows.
    pub fn centred(channels: usize, heads: usize, kernel: usize) -> ConvShape {
        ConvShape { channels, heads, kernel, left: kernel / 2 }
    }

    /// `y[t]` reads nothing after `x[t]`.
    pub fn causal(channels: usize, heads: usize, kernel: usize) -> ConvShape {
        ConvShape { channels, heads, kernel, left: kernel - 1 }
    }

    /// Channels of a head.
    pub fn head_channels(&self) -> usize {
        self.channels / self.heads
    }

    /// Panics where the sizes make no convolution, or x and the sequences are of other sizes.
    fn check(&self, offsets: &[usize], x: &Rows<'_>) {
        assert!(self.kernel > 0 && self.left < self.kernel, "{self:?}: the first tap lies within the kernel");
        assert!(self.heads > 0 && self.channels.is_multiple_of(self.heads), "{self:?}: heads of equal width");
        assert_eq!(x.cols, self.channels, "{self:?}: channels of x");
        assert_eq!(offsets.last(), Some(&x.rows), "rows of the sequences and of x");
        assert!(offsets.is_sorted() && offsets[0] == 0, "sequences follow each other: {offsets:?}");
    }

    /// Products of taps that fall inside a sequence of `len` tokens, channels counted.
    fn multiply_adds(&self, len: usize) -> usize {
        let right = self.kernel - 1 - self.left;
        // Of `reach` taps on one side, token t misses those beyond the edge: reach - t of them, where positive.
        let missed = |reach: usize| (0..len.min(reach)).map(|t| reach - t).sum::<usize>();
        self.channels * (len * self.kernel - missed(self.left) - missed(right))
    }

    /// The same of all sequences.
    fn multiply_adds_of(&self, offsets: &[usize]) -> usize {
        offsets.windows(2).map(|s| self.multiply_adds(s[1] - s[0])).sum()
    }
}

/// Tokens of the longest sequence.
fn longest(offsets: &[usize]) -> usize {
    offsets.windows(2).map(|s| s[1] - s[0]).max().unwrap_or(0)
}

/// Adds the multiply-adds of all sequences to the thread's count.
fn count_work(shape: &ConvShape, offsets: &[usize]) {
    crate::work::add(shape.multiply_adds_of(offsets));
}
