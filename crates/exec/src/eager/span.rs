//! Attention and convolution over whole sequences.

use super::{Eager, rows, rows_mut};
use lsra_kernels::attention::{self, AttentionShape};
use lsra_kernels::conv::{self, ConvShape};
use lsra_model::Sequences;
use lsra_model::exec::Mask;
use lsra_model::layers::{Attention, Convolution, Taps};
use lsra_tensor::Tensor;
use std::rc::Rc;

pub(super) fn conv_shape(c: &Convolution) -> ConvShape {
    ConvShape { channels: c.channels, heads: c.heads, kernel: c.kernel, left: c.left() }
}

pub(super) fn attention_shape(a: &Attention) -> AttentionShape {
    AttentionShape { heads: a.heads, head_dim: a.head_channels(), scale: a.scale() }
}

impl Eager<'_> {
    /// The softmax of a convolution's fixed taps, `[heads * kernel]`.
    pub(super) fn fixed_taps(&mut self, c: &Convolution) -> Rc<[f32]> {
        let Taps::Fixed(weight) = c.taps else { panic!("a lightweight convolution has fixed taps") };
        let (isa, weights) = (self.isa, self.weights);
        let taps = self.taps[weight.index()].get_or_insert_with(|| {
            let mut taps = weights.get(weight).data().to_vec();
            conv::softmax_taps(isa, c.heads, c.kernel, &mut taps);
            taps.into()
        });
        taps.clone()
    }

    /// The softmax of predicted taps, `[tokens, heads * kernel]`.
    pub(super) fn predicted_taps(&self, taps: &Tensor, c: &Convolution) -> Tensor {
        let mut taps = taps.to_owned_copy();
        conv::softmax_taps(self.isa, taps.rows() * c.heads, c.kernel, taps.data_mut());
        taps
    }

    pub(super) fn whole_light_conv(&mut self, x: &Tensor, c: &Convolution, sequences: &Sequences) -> Tensor {
        let mut y = Tensor::unfilled(x.rows(), c.channels);
        let taps = self.fixed_taps(c);
        conv::light_conv(self.isa, &conv_shape(c), sequences.offsets(), rows(x), &taps, rows_mut(&mut y));
        y
    }

    pub(super) fn whole_dynamic_conv(
        &self,
        x: &Tensor,
        taps: &Tensor,
        c: &Convolution,
        sequences: &Sequences,
    ) -> Tensor {
        let mut y = Tensor::unfilled(x.rows(), c.channels);
        let taps = self.predicted_taps(taps, c);
        conv::dynamic_conv(self.isa, &conv_shape(c), sequences.offsets(), rows(x), taps.data(), rows_mut(&mut y));
        y
    }

    /// Query sequence i, rows `queries[i]..queries[i + 1]` of q, attends to rows `ranges[i]` of k and v.
    pub(super) fn attend(
        &mut self,
        [q, k, v]: [&Tensor; 3],
        a: &Attention,
        mask: Mask,
        queries: &[usize],
        ranges: &[(usize, usize)],
    ) -> Tensor {
        let mask = match mask {
            Mask::None => attention::Mask::None,
            Mask::Causal => attention::Mask::Causal,
        };
        let mut y = Tensor::unfilled(q.rows(), a.channels);
        attention::attention(
            self.isa,
            &attention_shape(a),
            mask,
            rows(q),
            queries,
            rows(k),
            rows(v),
            ranges,
            None,
            rows_mut(&mut y),
            None,
            &mut self.scratch.attention,
        );
        y
    }
}
