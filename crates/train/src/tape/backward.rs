//! The adjoints, from the last node to the first.

use super::Tape;
use super::forward::{KEPT, rows, rows_mut};
use super::node::{AttentionNode, Dropped, NodeId, Op, UsedTaps};
use lsra_kernels::activation::relu_backward;
use lsra_kernels::attention::{self, attention_backward};
use lsra_kernels::conv;
use lsra_kernels::dropout::dropout;
use lsra_kernels::elementwise::add_rows;
use lsra_kernels::embedding::embed_backward;
use lsra_kernels::gemm::{Epilogue, bias_gradient, gemm, gemm_weight_gradient};
use lsra_kernels::glu::glu_backward;
use lsra_kernels::norm::norm_backward;
use lsra_kernels::{Rows, RowsMut, trace};
use lsra_model::ParamId;
use lsra_model::layers::{Activation, Linear, Norm};
use lsra_tensor::Tensor;
use std::ops::Range;

/// What a kernel finds in the gradient that it contributes to.
enum Into<'a> {
    /// Nothing yet: it writes.
    Fresh(RowsMut<'a>),
    /// Other contributions: it adds.
    Partial(RowsMut<'a>),
}

impl Tape<'_> {
    /// Adds d(loss) / d(parameter) to the gradients, for every parameter that the recorded pass used. Returns those of the
    /// inputs, in the order in which they came.
    pub fn backward(mut self) -> Vec<Tensor> {
        let mut inputs = Vec::new();
        while let Some(node) = self.nodes.pop() {
            match (node.op, node.gradient) {
                // What reads a range of channels has already added to the whole's gradient.
                (Op::Channels { .. }, _) => {}
                (Op::Input, dy) => {
                    let [rows, columns] = node.shape;
                    inputs.push(dy.unwrap_or_else(|| Tensor::zeros(rows, columns)));
                }
                (op, Some(dy)) => self.step(op, node.value, dy),
                // Nothing downstream used it.
                (_, None) => {}
            }
        }
        inputs.reverse();
        inputs
    }

    fn step(&mut self, op: Op, y: Option<Tensor>, dy: Tensor) {
        let _span = trace::operation(op.adjoint_name(), [dy.rows(), dy.columns()]);
        match op {
            Op::Embed { table, ids, scale, dropped } => self.embed_step(table, &ids, scale, &dropped, dy),
            Op::Linear { x, linear } => self.linear_step(x, &linear, y, dy),
            Op::Input | Op::Channels { .. } => unreachable!("neither has anything to pass on"),
            Op::Concat { parts } => {
                let mut start = 0;
                for p in parts {
                    let end = start + self.nodes[p.0].shape[1];
                    self.give(p, dy.column_range(start..end));
                    start = end;
                }
            }
            Op::Glu { x } => {
                let mut dx = like(self.value(x));
                glu_backward(self.cx.isa, rows(self.value(x)), rows(&dy), rows_mut(&mut dx));
                self.give(x, dx);
            }
            Op::LightConv { x, weight, shape, offsets, taps } => {
                let mut dx = like(self.value(x));
                let dtaps = light_conv_taps(self, x, &shape, &offsets, &taps, &dy, &mut dx);
                let (UsedTaps::Shared { softmaxed, .. } | UsedTaps::Expanded { softmaxed, .. }) = &taps;
                self.taps_softmax_step(weight, &shape, softmaxed, dtaps);
                self.give(x, dx);
            }
            Op::DynamicConv { x, logits, shape, offsets, softmaxed, mask, used } => {
                let isa = self.cx.isa;
                let mut dx = like(self.value(x));
                let mut dtaps = like(&used);
                let (x_rows, dy_rows, dx_rows) = (rows(self.value(x)), rows(&dy), rows_mut(&mut dx));
                conv::dynamic_conv_backward(
                    isa,
                    &shape,
                    &offsets,
                    x_rows,
                    used.data(),
                    dy_rows,
                    dx_rows,
                    dtaps.data_mut(),
                );
                if let Some(mask) = mask {
                    dtaps.data_mut().iter_mut().zip(mask.data()).for_each(|(d, m)| *d *= m);
                }
                let taps_rows = softmaxed.rows() * shape.heads;
                conv::softmax_taps_backward(isa, taps_rows, shape.kernel, softmaxed.data(), dtaps.data_mut());
                self.give(logits, dtaps);
                self.give(x, dx);
            }
            Op::Attention(node) => self.attention_step(&node, &y.expect(KEPT), &dy),
            Op::AddNorm { x, residual, norm, dropped, sum, stats } => {
                let (dsum, dx) = self.norm_step(&norm, &sum, &stats, dy, &dropped);
                self.give(residual, dsum.clone());
                self.give(x, dx.unwrap_or(dsum));
            }
            Op::Add { x, residual, dropped } => self.residual_step(x, residual, &dropped, dy),
            Op::Norm { x, norm, stats } => {
                let input = self.value(x).clone();
                let (dx, _) = self.norm_step(&norm, &input, &stats, dy, &Dropped::default());
                self.give(x, dx);
            }
        }
    }

    fn embed_step(&mut self, table: ParamId, ids: &[u32], scale: f32, dropped: &Dropped, dy: Tensor) {
        let dy = self.masked(dropped, dy);
        embed_backward(self.cx.isa, ids, scale, rows(&dy), self.gradients.get_mut(table));
    }

    fn linear_step(&mut self, x: NodeId, l: &Linear, y: Option<Tensor>, dy: Tensor) {
        let (isa, packed) = (self.cx.isa, self.cx.packed);
        let dy = match l.activation {
            Activation::None => dy,
            Activation::Relu => {
                let mut dy = dy.into_owned();
                relu_backward(isa, y.expect(KEPT).data(), dy.data_mut());
                dy
            }
        };
        if let Some(b) = l.bias {
            bias_gradient(isa, rows(&dy), self.gradients.get_mut(b));
        }
        let input = self.nodes[x.0].value.as_ref().expect(KEPT);
        let (dw, precision) = (self.gradients.get_mut(l.weight), packed.forward(l.weight).precision());
        gemm_weight_gradient(isa, rows(&dy), rows(input), dw, precision, &mut self.scratch.gemm);
        self.contribute(x, |into| match into {
            Into::Fresh(dx) => gemm(isa, rows(&dy), packed.backward(l.weight), dx, Epilogue::None),
            Into::Partial(dx) => gemm(isa, rows(&dy), packed.backward(l.weight), dx, Epilogue::Accumulate),
        });
    }

    fn taps_softmax_step(&mut self, weight: ParamId, shape: &conv::ConvShape, softmaxed: &[f32], mut dtaps: Vec<f32>) {
        conv::softmax_taps_backward(self.cx.isa, shape.heads, shape.kernel, softmaxed, &mut dtaps);
        self.gradients.get_mut(weight).iter_mut().zip(&dtaps).for_each(|(g, d)| *g += d);
    }

    fn attention_step(&mut self, n: &AttentionNode, y: &Tensor, dy: &Tensor) {
        let [q, k, v] = n.qkv.map(|id| self.value(id).clone());
        let (mut dq, mut dk, mut dv) =
            (like(&q), Tensor::zeros(k.rows(), k.columns()), Tensor::zeros(v.rows(), v.columns()));
        let weights_dropped =
            n.dropped.is_active().then_some(attention::Dropped { p: n.dropped.rate, keys: &n.dropped.keys });
        attention_backward(
            self.cx.isa,
            &n.shape,
            n.mask,
            rows(&q),
            &n.offsets,
            rows(&k),
            rows(&v),
            &n.kv_ranges,
            weights_dropped,
            rows(y),
            &n.log_sum,
            rows(dy),
            rows_mut(&mut dq),
            rows_mut(&mut dk),
            rows_mut(&mut dv),
            &mut self.scratch.attention,
        );
        for (id, d) in n.qkv.into_iter().zip([dq, dk, dv]) {
            self.give(id, d);
        }
    }

    /// d(loss) / d(sum), and, where something was dropped of what was summed, d(loss) / d(that).
    fn norm_step(
        &mut self,
        norm: &Norm,
        sum: &Tensor,
        stats: &[f32],
        dy: Tensor,
        dropped: &Dropped,
    ) -> (Tensor, Option<Tensor>) {
        let mut dsum = dy.into_owned();
        let mut dx = dropped.is_active().then(|| like(sum));
        let gamma = self.cx.weights.get(norm.gamma).data();
        let (dgamma, dbeta) = self.gradients.pair_mut(norm.gamma, norm.beta);
        let masked = dropped.kernel().zip(dx.as_mut().map(rows_mut));
        norm_backward(self.cx.isa, rows(sum), stats, gamma, rows_mut(&mut dsum), masked, dgamma, dbeta);
        (dsum, dx)
    }

    /// y = residual + dropout(x): the residual takes dy as it is, x takes it masked.
    fn residual_step(&mut self, x: NodeId, residual: NodeId, dropped: &Dropped, dy: Tensor) {
        let dx = if dropped.is_active() { self.masked(dropped, dy.to_owned_copy()) } else { dy.clone() };
        self.give(residual, dy);
        self.give(x, dx);
    }

    fn masked(&self, d: &Dropped, dy: Tensor) -> Tensor {
        if !d.is_active() {
            return dy;
        }
        let mut dy = dy.into_owned();
        dropout(self.cx.isa, d.rate, &d.keys, &d.offsets, rows_mut(&mut dy));
        dy
    }

    /// A whole contribution to the gradient of a node: kept as it is where it is the first.
    pub(super) fn give(&mut self, id: NodeId, d: Tensor) {
        if self.nodes[id.0].gradient.is_none() && !matches!(self.nodes[id.0].op, Op::Channels { .. }) {
            self.nodes[id.0].gradient = Some(d);
            return;
        }
        let isa = self.cx.isa;
        self.contribute(id, |into| match into {
            Into::Fresh(mut to) => copy_rows(&mut to, rows(&d)),
            Into::Partial(to) => add_rows(isa, to, rows(&d)),
        });
    }

    /// Lets a kernel write or add its contribution in place; a range of channels contributes to the whole.
    fn contribute(&mut self, id: NodeId, f: impl FnOnce(Into<'_>)) {
        let (whole, range) = self.whole(id);
        let node = &mut self.nodes[whole.0];
        let [tokens, columns] = node.shape;
        let part = range.len() < columns;
        let fresh = node.gradient.is_none() && !part;
        let gradient = match node.gradient.take() {
            Some(g) => g.into_owned(),
            None if part => Tensor::zeros(tokens, columns),
            None => Tensor::unfilled(tokens, columns),
        };
        let gradient = node.gradient.insert(gradient);
        if tokens == 0 {
            return;
        }
        let to = RowsMut::strided(&mut gradient.data_mut()[range.start..], tokens, range.len(), columns);
        f(if fresh { Into::Fresh(to) } else { Into::Partial(to) });
    }

    /// The node that owns the gradient of `id`, and its columns there.
    fn whole(&self, id: NodeId) -> (NodeId, Range<usize>) {
        match &self.nodes[id.0].op {
            Op::Channels { of, range } => {
                let (whole, outer) = self.whole(*of);
                (whole, outer.start + range.start..outer.start + range.end)
            }
            _ => (id, 0..self.nodes[id.0].shape[1]),
        }
    }
}

/// Writes dx; returns d(loss) / d(softmaxed taps), `[heads * kernel]`.
fn light_conv_taps(
    tape: &Tape<'_>,
    x: NodeId,
    shape: &conv::ConvShape,
    offsets: &[usize],
    taps: &UsedTaps,
    dy: &Tensor,
    dx: &mut Tensor,
) -> Vec<f32> {
    let isa = tape.cx.isa;
    let (x, dy) = (rows(tape.value(x)), rows(dy));
    let mut dtaps = vec![0.0; shape.heads * shape.kernel];
    match taps {
        UsedTaps::Shared { mask, used, .. } => {
            conv::light_conv_backward(isa, shape, offsets, x, used, dy, rows_mut(dx), &mut dtaps);
            if let Some(mask) = mask {
                dtaps.iter_mut().zip(mask).for_each(|(d, m)| *d *= m);
            }
        }
        UsedTaps::Expanded { mask, used, .. } => {
            let mut dused = like(used);
            let dused_data = dused.data_mut();
            conv::dynamic_conv_backward(isa, shape, offsets, x, used.data(), dy, rows_mut(dx), dused_data);
            conv::reduce_taps(isa, dused.data(), mask.data(), &mut dtaps);
        }
    }
    dtaps
}

fn like(t: &Tensor) -> Tensor {
    Tensor::unfilled(t.rows(), t.columns())
}

fn copy_rows(to: &mut RowsMut<'_>, from: Rows<'_>) {
    for r in 0..from.rows {
        to.row_mut(r).copy_from_slice(from.row(r));
    }
}
