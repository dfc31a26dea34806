//! Inference: every operation runs at once, with the kernels, in f32.

mod keys;
mod past;
mod span;
mod workspace;

pub use keys::EagerKeys;
pub use past::EagerState;
pub use workspace::Workspace;

use crate::{Packed, Weights};
use lsra_kernels::attention::FEW;
use lsra_kernels::cross_entropy::projection_loss;
use lsra_kernels::embedding::embed;
use lsra_kernels::gemm::{Epilogue, gemm};
use lsra_kernels::norm::{add_dropout, add_norm, norm};
use lsra_kernels::softmax::log_softmax_rows;
use lsra_kernels::{Isa, Rows, RowsMut, trace};
use lsra_model::exec::Mask;
use lsra_model::layers::{Activation, Attention, Convolution, Dropout, Embedding, Linear, Norm};
use lsra_model::{Exec, Losses, Model, Past, Sequences};
use lsra_tensor::Tensor;
use std::ops::Range;

/// The executor of inference. Dropout does nothing.
pub struct Eager<'a> {
    isa: Isa,
    weights: &'a Weights,
    packed: &'a Packed,
    workspace: Workspace,
    /// Whether at most [`FEW`] queries of a sentence will attend to its source at a time, many times over.
    few: bool,
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
        Eager::within(Workspace::default(), isa, model, weights, packed)
    }

    /// As [`Eager::new`], in a workspace that another executor leaves.
    pub fn within(
        workspace: Workspace,
        isa: Isa,
        model: &Model,
        weights: &'a Weights,
        packed: &'a Packed,
    ) -> Eager<'a> {
        assert_eq!(weights.len(), model.params.len(), "tensors of the weights and of the model");
        Eager { isa, weights, packed, workspace, few: false }
    }

    /// Leaves what it worked in to another executor.
    pub fn into_workspace(self) -> Workspace {
        self.workspace
    }

    /// Makes room for values of so many rows: the most of a batch's source tokens and of the hypotheses that will step together.
    pub fn reserve(&mut self, rows: usize) {
        self.workspace.values.reserve(rows);
    }

    /// How many hypotheses of a sentence will step together over what is remembered from now on; none: targets are whole.
    pub fn expect_steps(&mut self, hypotheses: Option<usize>) {
        self.few = hypotheses.is_some_and(|n| n <= FEW);
    }

    /// The instruction set it runs on.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// x: `[tokens, channels]` -> `[tokens, words]`.
    pub fn logits(&mut self, x: &Tensor, output: &Linear) -> Tensor {
        let y = Tensor::unfilled_in(&self.workspace.words, x.rows(), output.outputs);
        self.linear_into(x, output, y)
    }

    /// x: `[tokens, channels]` -> natural logarithms of probabilities, `[tokens, words]`.
    pub fn log_probs(&mut self, x: &Tensor, output: &Linear) -> Tensor {
        let _span = trace::operation("log_probs", [x.rows(), output.outputs]);
        let mut y = self.logits(x, output);
        log_softmax_rows(self.isa, rows_mut(&mut y));
        y
    }

    /// A value to be written whole.
    fn unfilled(&self, rows: usize, columns: usize) -> Tensor {
        Tensor::unfilled_in(&self.workspace.values, rows, columns)
    }

    fn linear_into(&self, x: &Tensor, l: &Linear, mut y: Tensor) -> Tensor {
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

    /// Room for the statistics of so many rows, gamma and beta.
    fn norm_operands(&mut self, rows: usize, n: &Norm) -> (&mut [f32], &[f32], &[f32]) {
        let stats = &mut self.workspace.stats;
        stats.resize(2 * rows, 0.0);
        (stats, self.weights.get(n.gamma).data(), self.weights.get(n.beta).data())
    }
}

impl Exec for Eager<'_> {
    type T = Tensor;
    type State = EagerState;
    type Keys = EagerKeys;

    fn embed(&mut self, e: &Embedding, ids: &[u32], positions: &[u32], _: &Sequences) -> Tensor {
        let _span = trace::operation("embed", [ids.len(), e.channels]);
        let mut y = self.unfilled(ids.len(), e.channels);
        let table = self.weights.get(e.table).data();
        embed(self.isa, table, ids, e.scale, self.packed.positions(e), positions, rows_mut(&mut y));
        y
    }

    fn linear(&mut self, x: &Tensor, l: &Linear) -> Tensor {
        let _span = trace::operation("linear", [x.rows(), l.inputs, l.outputs]);
        self.linear_into(x, l, self.unfilled(x.rows(), l.outputs))
    }

    fn channels(&mut self, x: &Tensor, range: Range<usize>) -> Tensor {
        x.column_range(range)
    }

    fn concat(&mut self, parts: &[Tensor]) -> Tensor {
        let _span = trace::operation("concat", [parts.len(), parts[0].rows()]);
        let mut y = self.unfilled(parts[0].rows(), parts.iter().map(Tensor::columns).sum());
        y.join_columns(parts);
        y
    }

    fn glu(&mut self, x: Tensor) -> Tensor {
        let _span = trace::operation("glu", [x.rows(), x.columns()]);
        let mut y = self.unfilled(x.rows(), x.columns() / 2);
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
                let spans = &mut self.workspace.spans;
                spans.clear();
                sequences.offsets().windows(2).for_each(|w| spans.push(w[1] - w[0], (w[0], w[1])));
                self.attend(qkv, a, mask)
            }
            Some(past) => {
                assert_eq!(mask, Mask::Causal, "only a causal attention goes on from a past");
                self.attend_on(qkv, a, sequences, past)
            }
        }
    }

    fn keys(&mut self, k: Tensor, v: Tensor, sources: &Sequences) -> EagerKeys {
        self.keys_of(k, v, sources)
    }

    fn cross_attention(
        &mut self,
        q: &Tensor,
        keys: &EagerKeys,
        a: &Attention,
        targets: &Sequences,
        sources: &Sequences,
        owners: &[usize],
    ) -> Tensor {
        let _span = trace::operation("cross_attention", [q.rows(), keys.rows(), a.heads, a.head_channels()]);
        self.attend_to(q, keys, a, targets, sources, owners)
    }

    fn add_norm(&mut self, x: Tensor, residual: &Tensor, n: &Norm, _: &Dropout, _: &Sequences) -> Tensor {
        let _span = trace::operation("add_norm", [x.rows(), n.channels]);
        let (mut sum, mut y) = (x.into_owned(), self.unfilled(residual.rows(), n.channels));
        let isa = self.isa;
        let (stats, gamma, beta) = self.norm_operands(sum.rows(), n);
        add_norm(isa, rows(residual), None, gamma, beta, Norm::EPS, rows_mut(&mut sum), rows_mut(&mut y), stats);
        y
    }

    fn add(&mut self, x: Tensor, residual: &Tensor, _: &Dropout, _: &Sequences) -> Tensor {
        let _span = trace::operation("add", [x.rows(), x.columns()]);
        let mut y = x.into_owned();
        add_dropout(self.isa, rows(residual), None, rows_mut(&mut y));
        y
    }

    fn norm(&mut self, x: &Tensor, n: &Norm) -> Tensor {
        let _span = trace::operation("norm", [x.rows(), n.channels]);
        let mut y = self.unfilled(x.rows(), n.channels);
        let isa = self.isa;
        let (stats, gamma, beta) = self.norm_operands(x.rows(), n);
        norm(isa, rows(x), gamma, beta, Norm::EPS, rows_mut(&mut y), stats);
        y
    }

    fn loss(&mut self, x: &Tensor, output: &Linear, targets: &[u32], smoothing: f32) -> Losses {
        let _span = trace::operation("loss", [x.rows(), output.inputs, output.outputs]);
        let (mut smoothed, mut nll) = (vec![0.0; targets.len()], vec![0.0; targets.len()]);
        let w = self.packed.forward(output.weight);
        let scratch = &mut self.workspace.loss;
        projection_loss(self.isa, rows(x), w, targets, smoothing, &mut smoothed, &mut nll, scratch);
        Losses { smoothed, nll }
    }

    fn new_state(&mut self) -> EagerState {
        EagerState::default()
    }
}
