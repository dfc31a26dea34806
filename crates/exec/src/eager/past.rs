//! Decoding step by step: what an operation remembers, and how it reads it.

use super::span::{attention_shape, conv_shape};
use super::{Eager, rows};
use lsra_kernels::Rows;
use lsra_kernels::attention::attention_gather;
use lsra_kernels::conv::conv_step_gather;
use lsra_model::layers::{Attention, Convolution};
use lsra_model::{History, Past, Sequences};
use lsra_tensor::Tensor;

/// Rows that an operation has seen, all hypotheses' mixed; [`History`] tells whose they are.
#[derive(Clone, Debug, Default)]
pub struct EagerState {
    /// Keys, or a convolution's inputs.
    first: Pool,
    /// Values.
    second: Pool,
}

impl EagerState {
    /// Forgets all rows, and keeps the room they took.
    pub fn clear(&mut self) {
        (self.first.used, self.second.used) = (0, 0);
    }
}

/// Rows one after the other. The room stays from one translation to the next.
#[derive(Clone, Debug)]
struct Pool {
    kept: Tensor,
    used: usize,
}

impl Default for Pool {
    fn default() -> Pool {
        Pool { kept: Tensor::unfilled(0, 0), used: 0 }
    }
}

impl Pool {
    fn append(&mut self, x: &Tensor) {
        let (columns, wanted) = (x.columns(), self.used + x.rows());
        if wanted > self.kept.rows() || !self.kept.is_unique() {
            let mut larger = Tensor::alone(wanted + wanted / 2, columns);
            larger.data_mut()[..self.used * columns].copy_from_slice(&self.kept.data()[..self.used * columns]);
            self.kept = larger;
        }
        let room = &mut self.kept.data_mut()[self.used * columns..wanted * columns];
        let from = rows(x);
        for (r, to) in room.chunks_exact_mut(columns).enumerate() {
            to.copy_from_slice(from.row(r));
        }
        self.used = wanted;
    }

    fn rows(&self) -> Rows<'_> {
        let columns = self.kept.columns();
        Rows::new(&self.kept.data()[..self.used * columns], self.used, columns)
    }
}

/// For each row of the span: the row, and the numbers of all rows up to it of its hypothesis, in order.
fn pasts<'a>(span: &'a Sequences, history: &'a History) -> impl Iterator<Item = (usize, &'a [u32])> {
    (0..span.len()).flat_map(move |i| {
        let rows = history.rows(i);
        let before = rows.len() - span.length(i);
        span.range(i).enumerate().map(move |(j, row)| (row, &rows[..before + j + 1]))
    })
}

impl Eager<'_> {
    pub(super) fn light_conv_on(
        &self,
        x: &Tensor,
        c: &Convolution,
        span: &Sequences,
        past: Past<'_, EagerState>,
    ) -> Tensor {
        let taps = self.packed.taps(c);
        self.conv_on(x, c, span, past, |_| taps)
    }

    pub(super) fn dynamic_conv_on(
        &self,
        x: &Tensor,
        taps: &Tensor,
        c: &Convolution,
        span: &Sequences,
        past: Past<'_, EagerState>,
    ) -> Tensor {
        let taps = self.predicted_taps(taps, c);
        self.conv_on(x, c, span, past, |row| taps.row(row))
    }

    fn conv_on<'t>(
        &self,
        x: &Tensor,
        c: &Convolution,
        span: &Sequences,
        past: Past<'_, EagerState>,
        taps: impl Fn(usize) -> &'t [f32],
    ) -> Tensor {
        past.state.first.append(x);
        let (shape, pool) = (conv_shape(c), past.state.first.rows());
        let mut y = self.unfilled(x.rows(), c.channels);
        let results = y.data_mut();
        for (row, seen) in pasts(span, past.history) {
            let seen = &seen[seen.len().saturating_sub(c.kernel)..];
            let to = &mut results[row * c.channels..][..c.channels];
            conv_step_gather(self.isa, &shape, pool, seen, taps(row), to);
        }
        y
    }

    pub(super) fn attend_on(
        &mut self,
        [q, k, v]: [&Tensor; 3],
        a: &Attention,
        span: &Sequences,
        past: Past<'_, EagerState>,
    ) -> Tensor {
        past.state.first.append(k);
        past.state.second.append(v);
        let (shape, keys, values) = (attention_shape(a), past.state.first.rows(), past.state.second.rows());
        let mut y = self.unfilled(q.rows(), a.channels);
        let (queries, results) = (rows(q), y.data_mut());
        for (row, seen) in pasts(span, past.history) {
            let to = &mut results[row * a.channels..][..a.channels];
            attention_gather(self.isa, &shape, queries.row(row), keys, values, seen, to, &mut self.workspace.attention);
        }
        y
    }
}
