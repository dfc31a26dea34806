//! R-Drop's loss (Liang et al. 2021): every row comes twice, from two passes with dropout of their own, and is to give the same
//! distribution both times. As with the plain loss, the logits of a batch never exist.
//!
//! With p and q the softmaxes of a pair of rows, its loss is (L_p + L_q) / 2 + alpha / 2 x D, where L is the label-smoothed loss and
//! D = (KL(p||q) + KL(q||p)) / 2. That is half of what the paper and its code for fairseq sum over target tokens, L_p + L_q + alpha x D,
//! so that alpha is theirs and the loss is of the size of one without R-Drop.
//!
//! Let d_j = log p_j - log q_j, so that KL(p||q) = sum_j p_j d_j =: K and KL(q||p) = -sum_j q_j d_j. Then, the target left aside,
//! d(loss) / d(logit_j of p) = (p_j - e / V) / 2 + alpha / 4 x (p_j (d_j - K + 1) - q_j), and the same for q with the two exchanged.

use crate::cross_entropy::{ComparedLosses, LossScratch, check, exponentiate};
use crate::gemm::{Epilogue, PackedB, gemm, gemm_weight_gradient};
use crate::softmax::row_max;
use crate::{Isa, Rows, RowsMut, trace};
use pulp::{Simd, WithSimd};

/// Pairs of a tile: its logits are as many as those of a tile of the plain loss.
const PAIRS: usize = 64;

/// What pairs of rows are held to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// The share of the target's probability that is spread over all words.
    pub smoothing: f32,
    /// The weight of the divergence, as the paper gives it.
    pub alpha: f32,
    /// What the gradient is multiplied by.
    pub scale: f32,
}

/// Losses of rows x: two of `[t, d]`, and the gradient of `scale` x the sum over pairs of loss + alpha / 2 x divergence: dx = (two of
/// `[t, d]`), dw += (`[V, d]`). w: the output matrix packed from `[V, d]` transposed, `w_rows` as it stands.
/// Panics where shapes disagree or a target is not below V.
pub fn projection_pair_loss_backward(
    isa: Isa,
    x: [Rows<'_>; 2],
    w: &PackedB,
    w_rows: &PackedB,
    targets: &[u32],
    to: Agreement,
    mut losses: ComparedLosses<'_>,
    mut dx: [RowsMut<'_>; 2],
    dw: &mut [f32],
    scratch: &mut LossScratch,
) {
    let (rows, d, words) = (x[0].rows, x[0].cols, w.n());
    let _span = trace::kernel("projection_pair_loss_backward", [rows, d, words]);
    x.iter().for_each(|x| check(*x, w, targets, losses.loss, losses.nll));
    assert_eq!(losses.divergence.len(), rows, "divergences");
    assert_eq!((w_rows.k(), w_rows.n()), (words, d), "shape of the output matrix as it stands");
    assert_eq!([(dx[0].rows, dx[0].cols), (dx[1].rows, dx[1].cols)], [(rows, d); 2], "shapes of dx");
    scratch.logits.resize(scratch.logits.len().max(2 * PAIRS * words), 0.0);
    scratch.exponentials.resize(2 * words, 0.0);
    scratch.x.resize(2 * PAIRS * d, 0.0);
    scratch.dx.resize(2 * PAIRS * d, 0.0);
    for start in (0..rows).step_by(PAIRS) {
        let n = PAIRS.min(rows - start);
        let tile = start..start + n;
        // The rows of both passes one below the other: every product sees one matrix.
        for (to, from) in scratch.x[..2 * n * d].chunks_exact_mut(n * d).zip(&x) {
            to.chunks_exact_mut(d).enumerate().for_each(|(r, to)| to.copy_from_slice(from.row(start + r)));
        }
        let both = Rows::new(&scratch.x[..2 * n * d], 2 * n, d);
        let logits = &mut scratch.logits[..2 * n * words];
        gemm(isa, both, w, RowsMut::new(logits, 2 * n, words), Epilogue::None);
        isa.vectorize(Pairs {
            logits,
            exponentials: &mut scratch.exponentials,
            targets: &targets[tile.clone()],
            to,
            losses: losses.part(&tile),
        });
        let dlogits = Rows::new(logits, 2 * n, words);
        let dboth = &mut scratch.dx[..2 * n * d];
        gemm(isa, dlogits, w_rows, RowsMut::new(dboth, 2 * n, d), Epilogue::None);
        for (from, to) in dboth.chunks_exact(n * d).zip(&mut dx) {
            from.chunks_exact(d).enumerate().for_each(|(r, from)| to.row_mut(start + r).copy_from_slice(from));
        }
        gemm_weight_gradient(isa, dlogits, both, dw, w.precision(), &mut scratch.gemm);
    }
}

/// Turns the logits of pairs of rows, the first of all before the second of all, into losses and, in place, into gradients.
struct Pairs<'a> {
    logits: &'a mut [f32],
    exponentials: &'a mut [f32],
    targets: &'a [u32],
    to: Agreement,
    losses: ComparedLosses<'a>,
}

impl WithSimd for Pairs<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Pairs { logits, exponentials, targets, to, losses } = self;
        let words = exponentials.len() / 2;
        let (first, second) = logits.split_at_mut(targets.len() * words);
        let (e, f) = exponentials.split_at_mut(words);
        let pairs = first.chunks_exact_mut(words).zip(second.chunks_exact_mut(words)).zip(targets);
        for (r, ((a, b), &target)) in pairs.enumerate() {
            let target = target as usize;
            let p = Softmax::of(simd, a, target, to.smoothing, e);
            let q = Softmax::of(simd, b, target, to.smoothing, f);
            let kl = divergences(simd, (a, &p), (b, &q), e, f);
            losses.loss[r] = 0.5 * (p.loss + q.loss);
            losses.nll[r] = 0.5 * (p.nll + q.nll);
            losses.divergence[r] = 0.5 * (kl[0] + kl[1]);
            gradients(simd, (a, &p), (b, &q), e, f, kl, to);
            for row in [a, b] {
                row[target] -= 0.5 * to.scale * (1.0 - to.smoothing);
            }
        }
    }
}

/// What is known of a row's softmax besides e^(logit - max).
pub(crate) struct Softmax {
    /// log p_j = logit_j - offset.
    pub(crate) offset: f32,
    /// p_j = e^(logit_j - max) x factor.
    pub(crate) factor: f32,
    pub(crate) loss: f32,
    pub(crate) nll: f32,
}

impl Softmax {
    /// Fills `exponentials`.
    #[inline(always)]
    pub(crate) fn of<S: Simd>(
        simd: S,
        row: &[f32],
        target: usize,
        smoothing: f32,
        exponentials: &mut [f32],
    ) -> Softmax {
        let most = row_max(simd, row);
        exponentials.copy_from_slice(row);
        let (sum, shifted) = exponentiate(simd, exponentials, most);
        let (mean, log_sum) = (shifted / row.len() as f32, sum.ln());
        let nll = log_sum - (row[target] - most);
        let loss = (1.0 - smoothing) * nll + smoothing * (log_sum - mean);
        Softmax { offset: most + log_sum, factor: 1.0 / sum, loss, nll }
    }
}

/// KL(p||q) and KL(q||p).
#[inline(always)]
pub(crate) fn divergences<S: Simd>(
    simd: S,
    (a, p): (&[f32], &Softmax),
    (b, q): (&[f32], &Softmax),
    e: &[f32],
    f: &[f32],
) -> [f32; 2] {
    // d_j = logit_j of p - logit_j of q - shift.
    let shift = p.offset - q.offset;
    let [(a, a_tail), (b, b_tail), (e, e_tail), (f, f_tail)] = [a, b, e, f].map(|x| S::as_simd_f32s(x));
    let shifts = simd.splat_f32s(shift);
    let (mut by_p, mut by_q) = (simd.splat_f32s(0.0), simd.splat_f32s(0.0));
    for (((a, b), e), f) in a.iter().zip(b).zip(e).zip(f) {
        let d = simd.sub_f32s(simd.sub_f32s(*a, *b), shifts);
        by_p = simd.mul_add_e_f32s(*e, d, by_p);
        by_q = simd.mul_add_e_f32s(*f, d, by_q);
    }
    let (mut by_p, mut by_q) = (simd.reduce_sum_f32s(by_p), simd.reduce_sum_f32s(by_q));
    for (((a, b), e), f) in a_tail.iter().zip(b_tail).zip(e_tail).zip(f_tail) {
        let d = (a - b) - shift;
        by_p += e * d;
        by_q += f * d;
    }
    [p.factor * by_p, -q.factor * by_q]
}

/// The logits of both rows become gradients, the target's share left aside.
#[inline(always)]
fn gradients<S: Simd>(
    simd: S,
    (a, p): (&mut [f32], &Softmax),
    (b, q): (&mut [f32], &Softmax),
    e: &[f32],
    f: &[f32],
    kl: [f32; 2],
    to: Agreement,
) {
    let shift = p.offset - q.offset;
    let (half, part) = (0.5 * to.scale, 0.25 * to.alpha * to.scale);
    let uniform = half * to.smoothing / a.len() as f32;
    // half p_j + part p_j (d_j - K + 1) = p_j (part d_j + own).
    let own = kl.map(|kl| half + part * (1.0 - kl));
    let one = |e: f32, f: f32, d: f32| {
        let (p, q) = (e * p.factor, f * q.factor);
        let (from_p, from_q) = (part * d + own[0], own[1] - part * d);
        (p * from_p - part * q - uniform, q * from_q - part * p - uniform)
    };
    let ((a, a_tail), (b, b_tail)) = (S::as_mut_simd_f32s(a), S::as_mut_simd_f32s(b));
    let ((e, e_tail), (f, f_tail)) = (S::as_simd_f32s(e), S::as_simd_f32s(f));
    for (((a, b), e), f) in a_tail.iter_mut().zip(b_tail).zip(e_tail).zip(f_tail) {
        (*a, *b) = one(*e, *f, (*a - *b) - shift);
    }
    let splat = |x: f32| simd.splat_f32s(x);
    let (shift, part, uniform, own) = (splat(shift), splat(part), splat(uniform), own.map(splat));
    let (p_factor, q_factor) = (splat(p.factor), splat(q.factor));
    for (((a, b), e), f) in a.iter_mut().zip(b).zip(e).zip(f) {
        let d = simd.sub_f32s(simd.sub_f32s(*a, *b), shift);
        let (p, q) = (simd.mul_f32s(*e, p_factor), simd.mul_f32s(*f, q_factor));
        let step = simd.mul_f32s(part, d);
        let (from_p, from_q) = (simd.add_f32s(own[0], step), simd.sub_f32s(own[1], step));
        *a = simd.sub_f32s(simd.sub_f32s(simd.mul_f32s(p, from_p), simd.mul_f32s(part, q)), uniform);
        *b = simd.sub_f32s(simd.sub_f32s(simd.mul_f32s(q, from_q), simd.mul_f32s(part, p)), uniform);
    }
}
