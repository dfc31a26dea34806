//! Inference: every operation runs at once, with the kernels, in f32.

mod past;
mod span;

pub use past::EagerState;

use crate::{Packed, Weights};
use lsra_kernels::attention::AttentionScratch;
use lsra_kernels::cross_entropy::{LossScratch, projection_loss};
use lsra_kernels::embedding::embed;
use lsra_kernels::gemm::{Epilogue, gemm};
use lsra_kernels::norm::{add_dropout, add_norm};
use lsra_kernels::softmax::log_softmax_rows;
use lsra_kernels::{Isa, Rows, RowsMut, trace};
use lsra_model::exec::Mask;
use lsra_model::layers::{Activation, Attention, Convolution, Dropout, Embedding, Linear, Norm};
use lsra_model::{Exec, Losses, Model, Past, Sequences};
use lsra_tensor::Tensor;
use std::ops::Range;
use std::rc::Rc;

/// The executor of inference. Dropout does nothing.
pub struct Eager<'a> {
    isa: Isa,
    weights: &'a Weights,
    packed: &'a Packed,
    scratch: Scratch,
    /// Softmaxed taps of convolutions that have been run, by the number of their weight: every step of decoding reads them.
    taps: Vec<Option<Rc<[f32]>>>,
}

/// Room that kernels work in.
#[derive(Default)]
struct Scratch {
    attention: AttentionScratch,
    loss: LossScratch,
    /// Sums that a norm is of, which nobody reads after it.
    sum: Vec<f32>,
    stats: Vec<f32>,
}

/// The first `len` values, whatever they hold.
fn room(values: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if values.len() < len {
        values.resize(len, 0.0);
    }
    &mut values[..len]
}

/// A tensor as kernels read it.
pub(crate) fn rows(t: &Tensor) -> Rows<'_> {
    Rows::strided(t.data(), t.rows(), t.columns(), t.stride())
}

/// A tensor as kernels write it.
pub(crate) fn rows_mut(t: &mut Tensor) -> RowsMut<'_> {
    let (rows, columns, stride) = (t.rows(), t.columns(), t.stride());
    RowsMut::strided(t.data_mut(), rows, columns, stride)
}

impl<'a> Eager<'a> {
    /// Over weights of this model, packed for this instruction set.
    pub fn new(isa: Isa, model: &Model, weights: &'a Weights, packed: &'a Packed) -> Eager<'a> {
        assert_eq!(weights.len(), model.params.len(), "tensors of the weights and of the model");
        Eager { isa, weights, packed, scratch: Scratch::default(), taps: vec![None; weights.len()] }
    }

    /// The instruction set it runs on.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// x: `[tokens, channels]` -> `[tokens, words]`.
    pub fn logits(&mut self, x: &Tensor, output: &Linear) -> Tensor {
        self.linear(x, output)
    }

    /// x: `[tokens, channels]` -> natural logarithms of probabilities, `[tokens, words]`.
    pub fn log_probs(&mut self, x: &Tensor, output: &Linear) -> Tensor {
        let _span = trace::operation("log_probs", [x.rows(), output.outputs]);
        let mut y = self.logits(x, output);
        log_softmax_rows(self.isa, rows_mut(&mut y));
        y
    }

    fn norm_of(&mut self, x: &Tensor, residual: Option<&Tensor>, n: &Norm) -> Tensor {
        let mut y = Tensor::unfilled(x.rows(), n.channels);
        let Scratch { sum, stats, .. } = &mut self.scratch;
        let (sum, stats) = (room(sum, x.rows() * n.channels), room(stats, 2 * x.rows()));
        let (gamma, beta) = (self.weights.get(n.gamma).data(), self.weights.get(n.beta).data());
        let (sum_rows, y_rows) = (RowsMut::new(sum, x.rows(), n.channels), rows_mut(&mut y));
        add_norm(self.isa, rows(x), residual.map(rows), None, gamma, beta, Norm::EPS, sum_rows, y_rows, stats);
        y
    }
}

impl Exec for Eager<'_> {
    type T = Tensor;
    type State = EagerState;

    fn embed(&mut self, e: &Embedding, ids: &[u32], positions: &[u32], _: &Sequences) -> Tensor {
        let _span = trace::operation("embed", [ids.len(), e.channels]);
        let mut y = Tensor::unfilled(ids.len(), e.channels);
        let table = self.weights.get(e.table).data();
        embed(self.isa, table, ids, e.scale, self.packed.positions(e), positions, rows_mut(&mut y));
        y
    }

    fn linear(&mut self, x: &Tensor, l: &Linear) -> Tensor {
        let _span = trace::operation("linear", [x.rows(), l.inputs, l.outputs]);
        let mut y = Tensor::unfilled(x.rows(), l.outputs);
        let bias = l.bias.map(|b| self.weights.get(b).data());
        let epilogue = match (bias, l.activation) {
            (Some(b), Activation::Relu) => Epilogue::BiasRelu(b),
            (Some(b), Activation::None) => Epilogue::Bias(b),
            (None, Activation::None) => Epilogue::None,
            (None, Activation::Relu) => panic!("a linear layer with ReLU has a bias"),
        };
        gemm(self.isa, rows(x), self.packed.forward(l.weight), rows_mut(&mut y), epilogue);
        y
    }

    fn channels(&mut self, x: &Tensor, range: Range<usize>) -> Tensor {
        x.column_range(range)
    }

    fn concat(&mut self, parts: &[Tensor]) -> Tensor {
        let _span = trace::operation("concat", [parts.len(), parts[0].rows()]);
        Tensor::concat_columns(parts)
    }

    fn glu(&mut self, x: Tensor) -> Tensor {
        let _span = trace::operation("glu", [x.rows(), x.columns()]);
        let mut y = Tensor::unfilled(x.rows(), x.columns() / 2);
        lsra_kernels::glu::glu(self.isa, rows(&x), rows_mut(&mut y));
        y
    }

    fn light_conv(
        &mut self,
        x: &Tensor,
        c: &Convolution,
        sequences: &Sequences,
        past: Option<Past<'_, EagerState>>,
    ) -> Tensor {
        let _span = trace::operation("light_conv", [x.rows(), c.kernel, c.channels]);
        match past {
            None => self.whole_light_conv(x, c, sequences),
            Some(past) => self.light_conv_on(x, c, sequences, past),
        }
    }

    fn dynamic_conv(
        &mut self,
        x: &Tensor,
        taps: &Tensor,
        c: &Convolution,
        sequences: &Sequences,
        past: Option<Past<'_, EagerState>>,
    ) -> Tensor {
        let _span = trace::operation("dynamic_conv", [x.rows(), c.kernel, c.channels]);
        match past {
            None => self.whole_dynamic_conv(x, taps, c, sequences),
            Some(past) => self.dynamic_conv_on(x, taps, c, sequences, past),
        }
    }

    fn self_attention(
        &mut self,
        qkv: [&Tensor; 3],
        a: &Attention,
        mask: Mask,
        sequences: &Sequences,
        past: Option<Past<'_, EagerState>>,
    ) -> Tensor {
        let _span = trace::operation("self_attention", [qkv[0].rows(), qkv[1].rows(), a.heads, a.head_channels()]);
        match past {
            None => {
                let ranges: Vec<(usize, usize)> = sequences.offsets().windows(2).map(|w| (w[0], w[1])).collect();
                self.attend(qkv, a, mask, sequences.offsets(), &ranges)
            }
            Some(past) => {
                assert_eq!(mask, Mask::Causal, "only a causal attention goes on from a past");
                self.attend_on(qkv, a, sequences, past)
            }
        }
    }

    fn cross_attention(
        &mut self,
        qkv: [&Tensor; 3],
        a: &Attention,
        targets: &Sequences,
        sources: &Sequences,
        owners: &[usize],
    ) -> Tensor {
        let _span = trace::operation("cross_attention", [qkv[0].rows(), qkv[1].rows(), a.heads, a.head_channels()]);
        // Hypotheses of one sentence stand together and read the same keys: as one sequence of queries they share the work of
        // laying keys and values out, and no mask tells them apart.
        let mut ranges = Vec::with_capacity(owners.len());
        let mut queries = Vec::with_capacity(owners.len() + 1);
        queries.push(0);
        let mut first = 0;
        for group in owners.chunk_by(|a, b| a == b) {
            first += group.len();
            ranges.push((sources.offsets()[group[0]], sources.offsets()[group[0] + 1]));
            queries.push(targets.offsets()[first]);
        }
        self.attend(qkv, a, Mask::None, &queries, &ranges)
    }

    fn add_norm(&mut self, x: Tensor, residual: &Tensor, n: &Norm, _: &Dropout, _: &Sequences) -> Tensor {
        let _span = trace::operation("add_norm", [x.rows(), n.channels]);
        self.norm_of(&x, Some(residual), n)
    }

    fn add(&mut self, x: Tensor, residual: &Tensor, _: &Dropout, _: &Sequences) -> Tensor {
        let _span = trace::operation("add", [x.rows(), x.columns()]);
        let mut y = Tensor::unfilled(x.rows(), x.columns());
        add_dropout(self.isa, rows(&x), rows(residual), None, rows_mut(&mut y));
        y
    }

    fn norm(&mut self, x: &Tensor, n: &Norm) -> Tensor {
        let _span = trace::operation("norm", [x.rows(), n.channels]);
        self.norm_of(x, None, n)
    }

    fn loss(&mut self, x: &Tensor, output: &Linear, targets: &[u32], smoothing: f32) -> Losses {
        let _span = trace::operation("loss", [x.rows(), output.inputs, output.outputs]);
        let (mut smoothed, mut nll) = (vec![0.0; targets.len()], vec![0.0; targets.len()]);
        let w = self.packed.forward(output.weight);
        let scratch = &mut self.scratch.loss;
        projection_loss(self.isa, rows(x), w, targets, smoothing, &mut smoothed, &mut nll, scratch);
        Losses { smoothed, nll }
    }

    fn new_state(&mut self) -> EagerState {
        EagerState::default()
    }
}
