//! Attention and convolution over whole sequences.

use super::{Eager, Workspace, rows, rows_mut};
use lsra_kernels::attention::{self, AttentionShape};
use lsra_kernels::conv::{self, ConvShape};
use lsra_model::Sequences;
use lsra_model::exec::Mask;
use lsra_model::layers::{Attention, Convolution};
use lsra_tensor::Tensor;

pub(super) fn conv_shape(c: &Convolution) -> ConvShape {
    ConvShape { channels: c.channels, heads: c.heads, kernel: c.kernel, left: c.left() }
}

pub(super) fn attention_shape(a: &Attention) -> AttentionShape {
    AttentionShape { heads: a.heads, head_dim: a.head_channels(), scale: a.scale() }
}

impl Eager<'_> {
    /// The softmax of predicted taps, `[tokens, heads * kernel]`.
    pub(super) fn predicted_taps(&self, taps: &Tensor, c: &Convolution) -> Tensor {
        let mut softmaxed = self.unfilled(taps.rows(), taps.columns());
        softmaxed.copy_from(taps);
        conv::softmax_taps(self.isa, taps.rows() * c.heads, c.kernel, softmaxed.data_mut());
        softmaxed
    }

    pub(super) fn whole_light_conv(&self, x: &Tensor, c: &Convolution, sequences: &Sequences) -> Tensor {
        let mut y = self.unfilled(x.rows(), c.channels);
        let taps = self.packed.taps(c);
        conv::light_conv(self.isa, &conv_shape(c), sequences.offsets(), rows(x), taps, rows_mut(&mut y));
        y
    }

    pub(super) fn whole_dynamic_conv(
        &self,
        x: &Tensor,
        taps: &Tensor,
        c: &Convolution,
        sequences: &Sequences,
    ) -> Tensor {
        let mut y = self.unfilled(x.rows(), c.channels);
        let taps = self.predicted_taps(taps, c);
        conv::dynamic_conv(self.isa, &conv_shape(c), sequences.offsets(), rows(x), taps.data(), rows_mut(&mut y));
        y
    }

    /// Sequences of queries and rows of k and v that they attend to are the workspace's.
    pub(super) fn attend(&mut self, [q, k, v]: [&Tensor; 3], a: &Attention, mask: Mask) -> Tensor {
        let mask = match mask {
            Mask::None => attention::Mask::None,
            Mask::Causal => attention::Mask::Causal,
        };
        let mut y = self.unfilled(q.rows(), a.channels);
        let Workspace { spans, attention, .. } = &mut self.workspace;
        attention::attention(
            self.isa,
            &attention_shape(a),
            mask,
            rows(q),
            &spans.offsets,
            rows(k),
            rows(v),
            &spans.keys,
            None,
            rows_mut(&mut y),
            None,
            attention,
        );
        y
    }
}
