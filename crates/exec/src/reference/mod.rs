//! The model in f64, through the kernels' oracles: slow, plain, and what the others are held to.
//!
//! Its weights can be changed one by one, and its losses are kept in f64: finite differences need both. Dropout draws the same
//! counter-based masks as training, so a pass with dropout is as repeatable as one without.

mod dropped;
mod matrix;
mod past;

pub use matrix::Matrix;
pub use past::ReferenceState;

use crate::Weights;
use crate::packed::FIRST_POSITION;
use dropped::Masks;
use lsra_kernels::attention::{self, AttentionShape};
use lsra_kernels::conv::ConvShape;
use lsra_kernels::embedding::sinusoids;
use lsra_kernels::reference as oracle;
use lsra_kernels::reference::attention::Inputs;
use lsra_kernels::reference::cross_entropy::SmoothedLosses;
use lsra_model::exec::Mask;
use lsra_model::layers::{Activation, Attention, Convolution, Dropout, Embedding, Linear, Norm, Taps};
use lsra_model::{Exec, Losses, Model, ParamId, Past, Sequences};
use std::ops::Range;
use std::rc::Rc;

/// An executor whose values are f64 matrices.
pub struct Reference {
    weights: Vec<Vec<f64>>,
    /// `[max_positions, channels]`.
    positions: Vec<f64>,
    masks: Masks,
    losses: SmoothedLosses<f64>,
}

/// Clones are handles.
type Value = Rc<Matrix>;

impl Reference {
    /// Without dropout.
    pub fn new(model: &Model, weights: &Weights) -> Reference {
        let wide = |values: &[f32]| values.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
        Reference {
            weights: weights.iter().map(|t| wide(t.data())).collect(),
            // The table is a constant of the model, f32 as the original's: computed in f64 it would be another one.
            positions: wide(&sinusoids(model.config.max_positions, model.config.channels, FIRST_POSITION)),
            masks: Masks::None,
            losses: SmoothedLosses { smoothed: Vec::new(), nll: Vec::new() },
        }
    }

    /// With the dropout of one update of a training run.
    pub fn with_dropout(model: &Model, weights: &Weights, seed: u64, update: u64) -> Reference {
        Reference { masks: Masks::Of { seed, update, pass: 0 }, ..Reference::new(model, weights) }
    }

    /// The masks of this pass from here on, where an update passes its sentences more than once; 0 is the first.
    pub fn set_pass(&mut self, number: u64) {
        if let Masks::Of { pass, .. } = &mut self.masks {
            *pass = number;
        }
    }

    /// The values of a parameter, in its own order, to change.
    pub fn weight_mut(&mut self, id: ParamId) -> &mut [f64] {
        &mut self.weights[id.index()]
    }

    /// The losses of the last [`Exec::loss`], which itself returns them rounded.
    pub fn losses(&self) -> &SmoothedLosses<f64> {
        &self.losses
    }

    /// The logits of the output projection. x: `[tokens, channels]`. Returns `[tokens, words]`.
    pub fn logits(&self, x: &Matrix, output: &Linear) -> Matrix {
        Matrix::new(output.outputs, oracle::linear::linear(&x.data, self.weight(output.weight), None, output.inputs))
    }

    fn weight(&self, id: ParamId) -> &[f64] {
        &self.weights[id.index()]
    }

    /// x times its mask.
    fn drop(&self, x: &Matrix, d: &Dropout, sequences: &Sequences) -> Matrix {
        let mask = self.masks.by_sequence(d, sequences, |i| sequences.length(i) * x.columns);
        Matrix::new(x.columns, times(&x.data, &mask))
    }

    /// Taps of the span's tokens, `[tokens, heads * kernel]`: softmaxed, then dropped.
    fn used_taps(&self, taps: Vec<f64>, c: &Convolution, sequences: &Sequences) -> Matrix {
        let softmaxed = oracle::conv::softmax_taps(c.kernel, &taps);
        Matrix::new(c.heads * c.kernel, times(&softmaxed, &self.masks.of_taps(c, sequences)))
    }

    /// Each sequence with what it remembers, convolved; the span's rows of that.
    fn convolve(
        &self,
        x: &Value,
        taps: &Matrix,
        c: &Convolution,
        sequences: &Sequences,
        past: Option<Past<'_, ReferenceState>>,
    ) -> Value {
        let shape = ConvShape { channels: c.channels, heads: c.heads, kernel: c.kernel, left: c.left() };
        let Some(Past { history, state }) = past else {
            let y = oracle::conv::dynamic_conv(&shape, sequences.offsets(), &x.data, &taps.data);
            return Rc::new(Matrix::new(c.channels, y));
        };
        let [pool] = state.append([x]);
        let mut y = Vec::with_capacity(x.data.len());
        for i in 0..sequences.len() {
            let rows = history.rows(i);
            let first = rows.len() - sequences.length(i);
            // Remembered positions are written no more: taps of zeros stand for theirs.
            let mut all_taps = vec![0.0; first * taps.columns];
            all_taps.extend_from_slice(&taps.data[taps.span(sequences.range(i))]);
            let whole = oracle::conv::dynamic_conv(&shape, &[0, rows.len()], &pool.gather(rows).data, &all_taps);
            y.extend_from_slice(&whole[first * c.channels..]);
        }
        Rc::new(Matrix::new(c.channels, y))
    }

    fn attend(
        &self,
        qkv: [&Matrix; 3],
        a: &Attention,
        mask: Mask,
        queries: &Sequences,
        kv: &[(usize, usize)],
    ) -> Value {
        let [q, k, v] = qkv;
        let weights = |i: usize| a.heads * queries.length(i) * (kv[i].1 - kv[i].0);
        let inputs = Inputs {
            shape: AttentionShape { heads: a.heads, head_dim: a.head_channels(), scale: a.scale() },
            mask: match mask {
                Mask::None => attention::Mask::None,
                Mask::Causal => attention::Mask::Causal,
            },
            q: &q.data,
            q_offsets: queries.offsets(),
            k: &k.data,
            v: &v.data,
            kv_ranges: kv,
            dropped: &self.masks.by_sequence(&a.dropout, queries, weights),
        };
        Rc::new(Matrix::new(a.channels, oracle::attention::attention(&inputs)))
    }
}

/// x times a mask; an empty mask drops nothing.
fn times(x: &[f64], mask: &[f64]) -> Vec<f64> {
    if mask.is_empty() { x.to_vec() } else { x.iter().zip(mask).map(|(x, m)| x * m).collect() }
}

/// First row and end of consecutive blocks of these many rows.
fn blocks(lengths: impl Iterator<Item = usize>) -> Vec<(usize, usize)> {
    let start_and_end = |end: &mut usize, length| {
        *end += length;
        Some((*end - length, *end))
    };
    lengths.scan(0, start_and_end).collect()
}

impl Exec for Reference {
    type T = Value;
    type State = ReferenceState;
    type Keys = [Value; 2];

    fn embed(&mut self, e: &Embedding, ids: &[u32], positions: &[u32], sequences: &Sequences) -> Value {
        let table = self.weight(e.table);
        let y = oracle::embedding::embed(table, ids, e.scale, &self.positions, positions, e.channels);
        Rc::new(self.drop(&Matrix::new(e.channels, y), &e.dropout, sequences))
    }

    fn linear(&mut self, x: &Value, l: &Linear) -> Value {
        let bias = l.bias.map(|b| self.weight(b));
        let y = oracle::linear::linear(&x.data, self.weight(l.weight), bias, l.inputs);
        let y = match l.activation {
            Activation::None => y,
            Activation::Relu => oracle::activation::relu(&y),
        };
        Rc::new(Matrix::new(l.outputs, y))
    }

    fn channels(&mut self, x: &Value, range: Range<usize>) -> Value {
        let part = |row: &[f64]| row[range.clone()].to_vec();
        Rc::new(Matrix::new(range.len(), x.rows().flat_map(part).collect()))
    }

    fn concat(&mut self, parts: &[Value]) -> Value {
        let columns = parts.iter().map(|p| p.columns).sum();
        let row = |r: usize| parts.iter().flat_map(move |p| p.row(r)).copied();
        Rc::new(Matrix::new(columns, (0..parts[0].rows().len()).flat_map(row).collect()))
    }

    fn glu(&mut self, x: Value) -> Value {
        let channels = x.columns / 2;
        Rc::new(Matrix::new(channels, oracle::activation::glu(&x.data, channels)))
    }

    fn light_conv(
        &mut self,
        x: &Value,
        c: &Convolution,
        sequences: &Sequences,
        past: Option<Past<'_, ReferenceState>>,
    ) -> Value {
        let Taps::Fixed(weight) = c.taps else { panic!("a lightweight convolution has fixed taps") };
        let taps = self.used_taps(self.weight(weight).repeat(sequences.rows()), c, sequences);
        self.convolve(x, &taps, c, sequences, past)
    }

    fn dynamic_conv(
        &mut self,
        x: &Value,
        taps: &Value,
        c: &Convolution,
        sequences: &Sequences,
        past: Option<Past<'_, ReferenceState>>,
    ) -> Value {
        let taps = self.used_taps(taps.data.clone(), c, sequences);
        self.convolve(x, &taps, c, sequences, past)
    }

    fn self_attention(
        &mut self,
        [q, k, v]: [&Value; 3],
        a: &Attention,
        mask: Mask,
        sequences: &Sequences,
        past: Option<Past<'_, ReferenceState>>,
    ) -> Value {
        let Some(Past { history, state }) = past else {
            return self.attend([q, k, v], a, mask, sequences, &blocks(sequences.lengths()));
        };
        let rows: Vec<u32> = (0..sequences.len()).flat_map(|i| history.rows(i)).copied().collect();
        let [k, v] = state.append([k, v]).map(|pool| pool.gather(&rows));
        let kv = blocks((0..sequences.len()).map(|i| history.rows(i).len()));
        self.attend([q, &k, &v], a, mask, sequences, &kv)
    }

    fn keys(&mut self, k: Value, v: Value, _: &Sequences) -> [Value; 2] {
        [k, v]
    }

    fn cross_attention(
        &mut self,
        q: &Value,
        [k, v]: &[Value; 2],
        a: &Attention,
        targets: &Sequences,
        sources: &Sequences,
        owners: &[usize],
    ) -> Value {
        let kv: Vec<_> = owners.iter().map(|&o| (sources.offsets()[o], sources.offsets()[o + 1])).collect();
        self.attend([q, k, v], a, Mask::None, targets, &kv)
    }

    fn add_norm(&mut self, x: Value, residual: &Value, n: &Norm, d: &Dropout, sequences: &Sequences) -> Value {
        let sum = self.add(x, residual, d, sequences);
        self.norm(&sum, n)
    }

    fn add(&mut self, x: Value, residual: &Value, d: &Dropout, sequences: &Sequences) -> Value {
        let kept = self.drop(&x, d, sequences);
        Rc::new(Matrix::new(x.columns, kept.data.iter().zip(&residual.data).map(|(x, r)| x + r).collect()))
    }

    fn norm(&mut self, x: &Value, n: &Norm) -> Value {
        let (gamma, beta) = (self.weight(n.gamma), self.weight(n.beta));
        Rc::new(Matrix::new(n.channels, oracle::norm::norm(&x.data, gamma, beta, Norm::EPS)))
    }

    fn loss(&mut self, x: &Value, output: &Linear, targets: &[u32], smoothing: f32) -> Losses {
        let logits = self.logits(x, output);
        self.losses = oracle::cross_entropy::smoothed_losses(&logits.data, output.outputs, targets, smoothing);
        let rounded = |values: &[f64]| values.iter().map(|&x| x as f32).collect();
        Losses { smoothed: rounded(&self.losses.smoothed), nll: rounded(&self.losses.nll) }
    }

    fn new_state(&mut self) -> ReferenceState {
        ReferenceState::default()
    }
}
