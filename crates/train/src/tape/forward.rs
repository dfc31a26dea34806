//! The operations, run and recorded.

use super::Tape;
use super::node::{AttentionNode, Dropped, Node, NodeId, Op, UsedTaps};
use lsra_kernels::attention::{self, AttentionShape};
use lsra_kernels::conv::{self, ConvShape};
use lsra_kernels::cross_entropy::projection_loss_backward;
use lsra_kernels::dropout::{DropoutKey, dropout, mask_into};
use lsra_kernels::embedding::embed;
use lsra_kernels::gemm::{Epilogue, gemm};
use lsra_kernels::glu::glu;
use lsra_kernels::norm::{add_dropout, add_norm, norm};
use lsra_kernels::{Rows, RowsMut, trace};
use lsra_model::config::TapsDropout;
use lsra_model::exec::Mask;
use lsra_model::layers::{Activation, Attention, Convolution, Dropout, Embedding, Linear, Norm, Taps};
use lsra_model::{Exec, Losses, Past, Sequences};
use lsra_tensor::Tensor;
use std::ops::Range;

/// The sentence number of a mask that the whole of an update's first batch shares; those of its other batches come before it.
pub(super) const WHOLE_BATCH: u64 = u64::MAX;

/// What holds of every value that an operation or its adjoint reads.
pub(super) const KEPT: &str = "a value that is still read is kept";

pub(super) fn rows(t: &Tensor) -> Rows<'_> {
    Rows::strided(t.data(), t.rows(), t.columns(), t.stride())
}

pub(super) fn rows_mut(t: &mut Tensor) -> RowsMut<'_> {
    let (rows, columns, stride) = (t.rows(), t.columns(), t.stride());
    RowsMut::strided(t.data_mut(), rows, columns, stride)
}

pub(super) fn conv_shape(c: &Convolution) -> ConvShape {
    ConvShape { channels: c.channels, heads: c.heads, kernel: c.kernel, left: c.left() }
}

impl Dropped {
    pub(super) fn kernel(&self) -> Option<(f32, &[DropoutKey], &[usize])> {
        self.is_active().then_some((self.rate, &self.keys, &self.offsets))
    }
}

impl Tape<'_> {
    pub(super) fn value(&self, id: NodeId) -> &Tensor {
        self.nodes[id.0].value.as_ref().expect(KEPT)
    }

    /// A value that nobody downstream reads again, to be written over. A copy, unless it is of those sublayers' outputs that no adjoint
    /// reads: a linear layer's without ReLU, or branches side by side.
    fn consumed(&mut self, id: NodeId) -> Tensor {
        let node = &mut self.nodes[id.0];
        match &node.op {
            Op::Linear { linear, .. } if linear.activation == Activation::None => {}
            Op::Concat { .. } => {}
            _ => return self.value(id).to_owned_copy(),
        }
        node.value.take().expect(KEPT).into_owned()
    }

    pub(super) fn push(&mut self, value: Tensor, op: Op) -> NodeId {
        self.nodes.push(Node { shape: [value.rows(), value.columns()], value: Some(value), op, gradient: None });
        NodeId(self.nodes.len() - 1)
    }

    fn dropped(&self, d: &Dropout, sequences: &Sequences) -> Dropped {
        Dropped { rate: d.rate, keys: self.keys(d, sequences), offsets: sequences.offsets().to_vec() }
    }

    /// `[tokens, columns]` of 0 or 1/(1-p): element (t, c) of a sentence is number t x columns + c of its mask.
    fn position_mask(&self, d: &Dropped, columns: usize) -> Tensor {
        let tokens = d.offsets.last().copied().unwrap_or(0);
        let mut mask = Tensor::unfilled(tokens, columns);
        let data = mask.data_mut();
        for (key, range) in d.keys.iter().zip(d.offsets.windows(2)) {
            mask_into(self.cx.isa, *key, d.rate, 0, &mut data[range[0] * columns..range[1] * columns]);
        }
        mask
    }

    /// Softmax, then the mask or masks that this update has for a convolution with fixed taps.
    fn fixed_taps(&self, c: &Convolution, weight: &Tensor, sequences: &Sequences) -> UsedTaps {
        let isa = self.cx.isa;
        let count = c.heads * c.kernel;
        let mut softmaxed = weight.data().to_vec();
        conv::softmax_taps(isa, c.heads, c.kernel, &mut softmaxed);
        if c.dropout.rate > 0.0 && c.dropout_mode == TapsDropout::PerPosition {
            let mask = self.position_mask(&self.dropped(&c.dropout, sequences), count);
            let mut used = Tensor::unfilled(sequences.rows(), count);
            conv::expand_taps(isa, &softmaxed, mask.data(), used.data_mut());
            return UsedTaps::Expanded { softmaxed, mask, used };
        }
        let mask = (c.dropout.rate > 0.0).then(|| {
            let key = self.key(&c.dropout, WHOLE_BATCH - self.cx.batch);
            let mut mask = vec![0.0; count];
            mask_into(isa, key, c.dropout.rate, 0, &mut mask);
            mask
        });
        let used = match &mask {
            Some(mask) => softmaxed.iter().zip(mask).map(|(w, m)| w * m).collect(),
            None => softmaxed.clone(),
        };
        UsedTaps::Shared { softmaxed, mask, used }
    }

    /// As [`Tape::fixed_taps`], for predicted taps: they differ between positions, and so do their masks in either mode.
    fn predicted_mask(&self, c: &Convolution, sequences: &Sequences) -> Option<Tensor> {
        let mask = || self.position_mask(&self.dropped(&c.dropout, sequences), c.heads * c.kernel);
        (c.dropout.rate > 0.0).then(mask)
    }

    fn attend(&mut self, qkv: [NodeId; 3], a: &Attention, mask: attention::Mask, span: Span) -> NodeId {
        let isa = self.cx.isa;
        let shape = AttentionShape { heads: a.heads, head_dim: a.head_channels(), scale: a.scale() };
        let tokens = self.value(qkv[0]).rows();
        let mut y = Tensor::unfilled(tokens, a.channels);
        let mut log_sum = vec![0.0; tokens * a.heads];
        let Span { offsets, kv_ranges, dropped } = span;
        let mut scratch = std::mem::take(&mut self.scratch.attention);
        let [q, k, v] = qkv.map(|id| rows(self.value(id)));
        let weights_dropped =
            dropped.is_active().then_some(attention::Dropped { p: dropped.rate, keys: &dropped.keys });
        let out = rows_mut(&mut y);
        attention::attention(
            isa,
            &shape,
            mask,
            q,
            &offsets,
            k,
            v,
            &kv_ranges,
            weights_dropped,
            out,
            Some(&mut log_sum),
            &mut scratch,
        );
        self.scratch.attention = scratch;
        self.push(y, Op::Attention(Box::new(AttentionNode { qkv, shape, mask, offsets, kv_ranges, dropped, log_sum })))
    }
}

/// Which rows an attention joins.
struct Span {
    offsets: Vec<usize>,
    kv_ranges: Vec<(usize, usize)>,
    dropped: Dropped,
}

/// Training sees whole sequences.
fn no_past<S>(past: &Option<Past<'_, S>>) {
    assert!(past.is_none(), "a tape records whole sequences: it has no past");
}

impl Exec for Tape<'_> {
    type T = NodeId;
    type State = ();
    type Keys = [NodeId; 2];

    fn embed(&mut self, e: &Embedding, ids: &[u32], positions: &[u32], sequences: &Sequences) -> NodeId {
        let _span = trace::operation("embed", [ids.len(), e.channels]);
        let isa = self.cx.isa;
        let mut y = Tensor::unfilled(ids.len(), e.channels);
        let table = self.cx.weights.get(e.table);
        let sinusoids = self.cx.packed.positions(e);
        embed(isa, table.data(), ids, e.scale, sinusoids, positions, rows_mut(&mut y));
        let dropped = self.dropped(&e.dropout, sequences);
        if dropped.is_active() {
            dropout(isa, dropped.rate, &dropped.keys, &dropped.offsets, rows_mut(&mut y));
        }
        self.push(y, Op::Embed { table: e.table, ids: ids.to_vec(), scale: e.scale, dropped })
    }

    fn linear(&mut self, x: &NodeId, l: &Linear) -> NodeId {
        let _span = trace::operation("linear", [self.nodes[x.0].shape[0], l.inputs, l.outputs]);
        let input = self.value(*x);
        let mut y = Tensor::unfilled(input.rows(), l.outputs);
        let bias = l.bias.map(|b| self.cx.weights.get(b).data());
        let epilogue = match (bias, l.activation) {
            (Some(b), Activation::Relu) => Epilogue::BiasRelu(b),
            (Some(b), Activation::None) => Epilogue::Bias(b),
            (None, Activation::None) => Epilogue::None,
            (None, Activation::Relu) => panic!("a linear layer with ReLU has a bias"),
        };
        gemm(self.cx.isa, rows(input), self.cx.packed.forward(l.weight), rows_mut(&mut y), epilogue);
        self.push(y, Op::Linear { x: *x, linear: l.clone() })
    }

    fn channels(&mut self, x: &NodeId, range: Range<usize>) -> NodeId {
        let view = self.value(*x).column_range(range.clone());
        self.push(view, Op::Channels { of: *x, range })
    }

    fn concat(&mut self, parts: &[NodeId]) -> NodeId {
        let _span = trace::operation("concat", [parts.len(), self.nodes[parts[0].0].shape[0]]);
        let values: Vec<Tensor> = parts.iter().map(|&p| self.value(p).clone()).collect();
        self.push(Tensor::concat_columns(&values), Op::Concat { parts: parts.to_vec() })
    }

    fn glu(&mut self, x: NodeId) -> NodeId {
        let _span = trace::operation("glu", [self.nodes[x.0].shape[0], self.nodes[x.0].shape[1]]);
        let input = self.value(x);
        let mut y = Tensor::unfilled(input.rows(), input.columns() / 2);
        glu(self.cx.isa, rows(input), rows_mut(&mut y));
        self.push(y, Op::Glu { x })
    }

    fn light_conv(&mut self, x: &NodeId, c: &Convolution, sequences: &Sequences, past: Option<Past<'_, ()>>) -> NodeId {
        let _span = trace::operation("light_conv", [self.nodes[x.0].shape[0], c.kernel, c.channels]);
        no_past(&past);
        let Taps::Fixed(weight) = c.taps else { panic!("a lightweight convolution has fixed taps") };
        let (isa, shape, offsets) = (self.cx.isa, conv_shape(c), sequences.offsets().to_vec());
        let taps = self.fixed_taps(c, self.cx.weights.get(weight), sequences);
        let input = self.value(*x);
        let mut y = Tensor::unfilled(input.rows(), c.channels);
        match &taps {
            UsedTaps::Shared { used, .. } => {
                conv::light_conv(isa, &shape, &offsets, rows(input), used, rows_mut(&mut y));
            }
            UsedTaps::Expanded { used, .. } => {
                conv::dynamic_conv(isa, &shape, &offsets, rows(input), used.data(), rows_mut(&mut y));
            }
        }
        self.push(y, Op::LightConv { x: *x, weight, shape, offsets, taps })
    }

    fn dynamic_conv(
        &mut self,
        x: &NodeId,
        taps: &NodeId,
        c: &Convolution,
        sequences: &Sequences,
        past: Option<Past<'_, ()>>,
    ) -> NodeId {
        let _span = trace::operation("dynamic_conv", [self.nodes[x.0].shape[0], c.kernel, c.channels]);
        no_past(&past);
        let (isa, shape, offsets) = (self.cx.isa, conv_shape(c), sequences.offsets().to_vec());
        let mut softmaxed = self.value(*taps).to_owned_copy();
        conv::softmax_taps(isa, softmaxed.rows() * c.heads, c.kernel, softmaxed.data_mut());
        let mask = self.predicted_mask(c, sequences);
        let used = match &mask {
            Some(mask) => {
                let mut used = softmaxed.to_owned_copy();
                used.data_mut().iter_mut().zip(mask.data()).for_each(|(w, m)| *w *= m);
                used
            }
            None => softmaxed.clone(),
        };
        let input = self.value(*x);
        let mut y = Tensor::unfilled(input.rows(), c.channels);
        conv::dynamic_conv(isa, &shape, &offsets, rows(input), used.data(), rows_mut(&mut y));
        self.push(y, Op::DynamicConv { x: *x, logits: *taps, shape, offsets, softmaxed, mask, used })
    }

    fn self_attention(
        &mut self,
        [q, k, v]: [&NodeId; 3],
        a: &Attention,
        mask: Mask,
        sequences: &Sequences,
        past: Option<Past<'_, ()>>,
    ) -> NodeId {
        let _span = trace::operation("self_attention", [self.nodes[q.0].shape[0], a.heads, a.head_channels()]);
        no_past(&past);
        let mask = match mask {
            Mask::None => attention::Mask::None,
            Mask::Causal => attention::Mask::Causal,
        };
        let kv_ranges = sequences.offsets().windows(2).map(|w| (w[0], w[1])).collect();
        let dropped = self.dropped(&a.dropout, sequences);
        self.attend([*q, *k, *v], a, mask, Span { offsets: sequences.offsets().to_vec(), kv_ranges, dropped })
    }

    fn keys(&mut self, k: NodeId, v: NodeId, _: &Sequences) -> [NodeId; 2] {
        [k, v]
    }

    fn cross_attention(
        &mut self,
        q: &NodeId,
        [k, v]: &[NodeId; 2],
        a: &Attention,
        targets: &Sequences,
        sources: &Sequences,
        owners: &[usize],
    ) -> NodeId {
        let _span = trace::operation(
            "cross_attention",
            [self.nodes[q.0].shape[0], self.nodes[k.0].shape[0], a.heads, a.head_channels()],
        );
        let kv_ranges = owners.iter().map(|&o| (sources.offsets()[o], sources.offsets()[o + 1])).collect();
        let dropped = self.dropped(&a.dropout, targets);
        let span = Span { offsets: targets.offsets().to_vec(), kv_ranges, dropped };
        self.attend([*q, *k, *v], a, attention::Mask::None, span)
    }

    fn add_norm(&mut self, x: NodeId, residual: &NodeId, n: &Norm, d: &Dropout, sequences: &Sequences) -> NodeId {
        let _span = trace::operation("add_norm", [self.nodes[x.0].shape[0], n.channels]);
        let dropped = self.dropped(d, sequences);
        let mut sum = self.consumed(x);
        let (mut y, mut stats) = (Tensor::unfilled(sum.rows(), n.channels), vec![0.0; 2 * sum.rows()]);
        add_norm(
            self.cx.isa,
            rows(self.value(*residual)),
            dropped.kernel(),
            self.cx.weights.get(n.gamma).data(),
            self.cx.weights.get(n.beta).data(),
            Norm::EPS,
            rows_mut(&mut sum),
            rows_mut(&mut y),
            &mut stats,
        );
        self.push(y, Op::AddNorm { x, residual: *residual, norm: n.clone(), dropped, sum, stats })
    }

    fn add(&mut self, x: NodeId, residual: &NodeId, d: &Dropout, sequences: &Sequences) -> NodeId {
        let _span = trace::operation("add", self.nodes[x.0].shape);
        let dropped = self.dropped(d, sequences);
        let mut y = self.consumed(x);
        add_dropout(self.cx.isa, rows(self.value(*residual)), dropped.kernel(), rows_mut(&mut y));
        self.push(y, Op::Add { x, residual: *residual, dropped })
    }

    fn norm(&mut self, x: &NodeId, n: &Norm) -> NodeId {
        let _span = trace::operation("norm", self.nodes[x.0].shape);
        let input = self.value(*x);
        let (mut y, mut stats) = (Tensor::unfilled(input.rows(), n.channels), vec![0.0; 2 * input.rows()]);
        let (gamma, beta) = (self.cx.weights.get(n.gamma).data(), self.cx.weights.get(n.beta).data());
        norm(self.cx.isa, rows(input), gamma, beta, Norm::EPS, rows_mut(&mut y), &mut stats);
        self.push(y, Op::Norm { x: *x, norm: n.clone(), stats })
    }

    /// Also the gradient of the sum of smoothed losses with respect to x and to the output matrix, in the same sweep: the
    /// logits are not made twice.
    fn loss(&mut self, x: &NodeId, output: &Linear, targets: &[u32], smoothing: f32) -> Losses {
        let _span = trace::operation("loss", [self.nodes[x.0].shape[0], output.inputs, output.outputs]);
        let (isa, packed) = (self.cx.isa, self.cx.packed);
        let (mut smoothed, mut nll) = (vec![0.0; targets.len()], vec![0.0; targets.len()]);
        let input = self.nodes[x.0].value.as_ref().expect(KEPT);
        let mut dx = Tensor::unfilled(input.rows(), input.columns());
        projection_loss_backward(
            isa,
            rows(input),
            packed.forward(output.weight),
            packed.backward(output.weight),
            targets,
            smoothing,
            1.0,
            &mut smoothed,
            &mut nll,
            rows_mut(&mut dx),
            self.gradients.get_mut(output.weight),
            &mut self.scratch.loss,
        );
        self.nodes[x.0].gradient = Some(dx);
        Losses { smoothed, nll }
    }

    fn new_state(&mut self) {}
}
