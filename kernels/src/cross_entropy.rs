//! Output projection, softmax and label-smoothed loss in one: the logits of a batch never exist.
//!
//! Rows are taken a tile at a time. Of a tile the logits are made, turned into losses and, in training, into d(loss) / d(logits) in place, which
//! at once gives its share of dx and dW. With smoothing e over V words the loss of a row is
//! (1 - e) (-log p_target) + e / V sum_j (-log p_j), and d(loss) / d(logit_j) = p_j - (1 - e) [j = target] - e / V.

use crate::exp::exp_at_most_88;
use crate::gemm::{Epilogue, GemmScratch, PackedB, gemm, gemm_weight_gradient};
use crate::softmax::{exp_row, row_max};
use crate::{Isa, Rows, RowsMut, trace};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Rows of a tile. Each tile reads and writes the whole of dW once: many rows make that cheap, few keep the tile's logits in cache.
/// 128 rows of 6,632 words are 3.4 MB, which a share of a third-level cache holds.
const TILE: usize = 128;

/// Room for the logits of a tile.
#[derive(Clone, Debug, Default)]
pub struct LossScratch {
    pub(crate) logits: Vec<f32>,
    pub(crate) gemm: GemmScratch,
    /// For pairs of rows, or a teacher: e^(logits - max) of one pair. For pairs also the rows of a tile with their gradients.
    pub(crate) exponentials: Vec<f32>,
    pub(crate) x: Vec<f32>,
    pub(crate) dx: Vec<f32>,
}

/// What is known of each row, or pair of rows, where two distributions are compared; in nats.
pub struct ComparedLosses<'a> {
    /// The label-smoothed loss; of a pair the mean of both.
    pub loss: &'a mut [f32],
    /// The negative log-likelihood; of a pair the mean of both.
    pub nll: &'a mut [f32],
    /// D, without its weight.
    pub divergence: &'a mut [f32],
}

impl ComparedLosses<'_> {
    /// Those of some rows.
    pub(crate) fn part(&mut self, rows: &Range<usize>) -> ComparedLosses<'_> {
        ComparedLosses {
            loss: &mut self.loss[rows.clone()],
            nll: &mut self.nll[rows.clone()],
            divergence: &mut self.divergence[rows.clone()],
        }
    }
}

/// Losses of rows x: `[t, d]` under the output matrix w, packed from `[V, d]` transposed; loss and nll: `[t]`, in nats.
/// Panics where shapes disagree or a target is not below V.
pub fn projection_loss(
    isa: Isa,
    x: Rows<'_>,
    w: &PackedB,
    targets: &[u32],
    smoothing: f32,
    loss: &mut [f32],
    nll: &mut [f32],
    scratch: &mut LossScratch,
) {
    let _span = trace::kernel("projection_loss", [x.rows, x.cols, w.n()]);
    check(x, w, targets, loss, nll);
    let words = w.n();
    for start in (0..x.rows).step_by(TILE) {
        let tile = start..x.rows.min(start + TILE);
        scratch.logits.resize(TILE * words, 0.0);
        let logits = &mut scratch.logits[..tile.len() * words];
        gemm(isa, part(x, &tile), w, RowsMut::new(logits, tile.len(), words), Epilogue::None);
        let (loss, nll) = (&mut loss[tile.clone()], &mut nll[tile.clone()]);
        isa.vectorize(Losses { logits, targets: &targets[tile], smoothing, loss, nll, scale: None });
    }
}

/// [`projection_loss`] with, in the same sweep, the gradient of `scale` x the sum of losses: dx = (`[t, d]`), dw += (`[V, d]`).
/// `w_rows` is the output matrix packed as it stands, `[V, d]`.
pub fn projection_loss_backward(
    isa: Isa,
    x: Rows<'_>,
    w: &PackedB,
    w_rows: &PackedB,
    targets: &[u32],
    smoothing: f32,
    scale: f32,
    loss: &mut [f32],
    nll: &mut [f32],
    dx: RowsMut<'_>,
    dw: &mut [f32],
    scratch: &mut LossScratch,
) {
    let _span = trace::kernel("projection_loss_backward", [x.rows, x.cols, w.n()]);
    check(x, w, targets, loss, nll);
    let words = w.n();
    assert_eq!((w_rows.k(), w_rows.n()), (words, w.k()), "shape of the output matrix as it stands");
    assert_eq!((dx.rows, dx.cols), (x.rows, x.cols), "shape of dx");
    for start in (0..x.rows).step_by(TILE) {
        let tile = start..x.rows.min(start + TILE);
        let rows = tile.len();
        scratch.logits.resize(TILE * words, 0.0);
        let logits = &mut scratch.logits[..rows * words];
        let x = part(x, &tile);
        gemm(isa, x, w, RowsMut::new(logits, rows, words), Epilogue::None);
        let (loss, nll) = (&mut loss[tile.clone()], &mut nll[tile.clone()]);
        let targets = &targets[tile];
        isa.vectorize(Losses { logits, targets, smoothing, loss, nll, scale: Some(scale) });
        let dlogits = Rows::new(logits, rows, words);
        let dx = RowsMut::strided(&mut dx.data[start * dx.stride..], rows, dx.cols, dx.stride);
        gemm(isa, dlogits, w_rows, dx, Epilogue::None);
        gemm_weight_gradient(isa, dlogits, x, dw, w.precision(), &mut scratch.gemm);
    }
}

pub(crate) fn part<'a>(x: Rows<'a>, tile: &Range<usize>) -> Rows<'a> {
    Rows::strided(&x.data[tile.start * x.stride..], tile.len(), x.cols, x.stride)
}

pub(crate) fn check(x: Rows<'_>, w: &PackedB, targets: &[u32], loss: &[f32], nll: &[f32]) {
    assert_eq!(x.cols, w.k(), "channels of x and of the output matrix");
    assert_eq!([targets.len(), loss.len(), nll.len()], [x.rows; 3], "targets, losses and negative log-likelihoods");
    let words = w.n();
    if let Some(t) = targets.iter().find(|&&t| t as usize >= words) {
        panic!("target {t} is not one of {words} words");
    }
}

/// Turns the logits of some rows into losses and, where there is a scale, in place into gradients.
struct Losses<'a> {
    logits: &'a mut [f32],
    targets: &'a [u32],
    smoothing: f32,
    loss: &'a mut [f32],
    nll: &'a mut [f32],
    scale: Option<f32>,
}

impl WithSimd for Losses<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Losses { logits, targets, smoothing, loss, nll, scale } = self;
        let words = logits.len() / targets.len();
        let uniform = smoothing / words as f32;
        for (r, row) in logits.chunks_exact_mut(words).enumerate() {
            let most = row_max(simd, row);
            let target = row[targets[r] as usize] - most;
            let (sum, shifted) = exponentiate(simd, row, most);
            let (mean, log_sum) = (shifted / words as f32, sum.ln());
            nll[r] = log_sum - target;
            // The mean over all words of -log p_j = log_sum - (logit_j - most).
            loss[r] = (1.0 - smoothing) * nll[r] + smoothing * (log_sum - mean);
            if let Some(scale) = scale {
                affine(simd, row, scale / sum, -scale * uniform);
                row[targets[r] as usize] -= scale * (1.0 - smoothing);
            }
        }
    }
}

/// row = e^(row - shift); returns the sum of that, and the sum of row - shift.
#[inline(always)]
pub(crate) fn exponentiate<S: Simd>(simd: S, row: &mut [f32], shift: f32) -> (f32, f32) {
    let shifts = simd.splat_f32s(shift);
    let (head, tail) = S::as_mut_simd_f32s(row);
    let (mut sum, mut shifted) = (simd.splat_f32s(0.0), simd.splat_f32s(0.0));
    for x in head {
        let difference = simd.sub_f32s(*x, shifts);
        shifted = simd.add_f32s(shifted, difference);
        *x = exp_at_most_88(simd, difference);
        sum = simd.add_f32s(sum, *x);
    }
    let shifted = tail.iter().fold(simd.reduce_sum_f32s(shifted), |sum, x| sum + (x - shift));
    (simd.reduce_sum_f32s(sum) + exp_row(simd, tail, shift), shifted)
}

/// row = row x factor + offset.
#[inline(always)]
fn affine<S: Simd>(simd: S, row: &mut [f32], factor: f32, offset: f32) {
    let (head, tail) = S::as_mut_simd_f32s(row);
    let (f, o) = (simd.splat_f32s(factor), simd.splat_f32s(offset));
    for x in head {
        *x = simd.mul_add_e_f32s(*x, f, o);
    }
    tail.iter_mut().for_each(|x| *x = *x * factor + offset);
}
