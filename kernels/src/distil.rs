//! The loss of a student that is to give its teacher's distribution as well as the target (Hinton et al. 2015; Kim and Rush 2016, section
//! 3.1). As with the plain loss, the logits of a batch never exist, neither the student's nor the teacher's.
//!
//! With L the label-smoothed loss, a the share and T the temperature, a row's loss is (1 - a) L + a T^2 D. Here D = KL(q||p), the
//! Kullback-Leibler divergence of the softmaxes of logits / T, q the teacher's and p the student's. It is the cross-entropy
//! against q less the entropy of q, so the gradient is that of the cross-entropy, and 0 means agreement; T^2 keeps the gradient's size
//! whatever T is, as in the paper. Per logit, with p' the student's softmax at T = 1,
//! d(loss) / d(logit_j) = (1 - a) (p'_j - (1 - e) [j = target] - e / V) + a T (p_j - q_j).

use crate::agreement::{Softmax, divergences};
use crate::cross_entropy::{ComparedLosses, LossScratch, check, part};
use crate::gemm::{Epilogue, PackedB, gemm, gemm_weight_gradient};
use crate::softmax::scale_row;
use crate::{Isa, Rows, RowsMut, trace};
use pulp::{Simd, WithSimd};

/// Rows of a tile: with the teacher's its logits are as many as those of a tile of the plain loss.
const TILE: usize = 64;

/// What a student is held to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distillation {
    /// The share of the target's probability that is spread over all words.
    pub smoothing: f32,
    /// a, the teacher's share of the loss, from 0 to 1.
    pub share: f32,
    /// T, what logits are divided by where the two are compared; above 0.
    pub temperature: f32,
    /// What the gradient is multiplied by.
    pub scale: f32,
}

/// What a teacher's output projection reads and multiplies with.
#[derive(Clone, Copy)]
pub struct TeacherRows<'a> {
    /// `[t, its channels]`.
    pub x: Rows<'a>,
    /// Its output matrix, packed from `[V, its channels]` transposed.
    pub w: &'a PackedB,
}

/// Losses of rows x: `[t, d]`, and the gradient of `scale` x the sum over rows of (1 - share) loss + share x temperature^2 x divergence:
/// dx = (`[t, d]`), dw += (`[V, d]`). w: the output matrix packed from `[V, d]` transposed, `w_rows` as it stands.
/// Panics where shapes disagree, those of the teacher included, or a target is not below V.
pub fn projection_distil_loss_backward(
    isa: Isa,
    x: Rows<'_>,
    w: &PackedB,
    w_rows: &PackedB,
    teacher: TeacherRows<'_>,
    targets: &[u32],
    to: Distillation,
    mut losses: ComparedLosses<'_>,
    dx: RowsMut<'_>,
    dw: &mut [f32],
    scratch: &mut LossScratch,
) {
    let (rows, d, words) = (x.rows, x.cols, w.n());
    let _span = trace::kernel("projection_distil_loss_backward", [rows, d, words, teacher.x.cols]);
    check(x, w, targets, losses.loss, losses.nll);
    assert_eq!((w_rows.k(), w_rows.n()), (words, d), "shape of the output matrix as it stands");
    assert_eq!((dx.rows, dx.cols), (rows, d), "shape of dx");
    assert_eq!((teacher.x.rows, teacher.w.n()), (rows, words), "the teacher's rows and words");
    assert_eq!(teacher.x.cols, teacher.w.k(), "the teacher's channels and those of its output matrix");
    assert_eq!(losses.divergence.len(), rows, "divergences");
    scratch.logits.resize(scratch.logits.len().max(2 * TILE * words), 0.0);
    scratch.exponentials.resize(3 * words, 0.0);
    for start in (0..rows).step_by(TILE) {
        let tile = start..rows.min(start + TILE);
        let n = tile.len();
        let (student, rest) = scratch.logits.split_at_mut(n * words);
        let taught = &mut rest[..n * words];
        let x = part(x, &tile);
        gemm(isa, x, w, RowsMut::new(student, n, words), Epilogue::None);
        gemm(isa, part(teacher.x, &tile), teacher.w, RowsMut::new(taught, n, words), Epilogue::None);
        isa.vectorize(Tile {
            student,
            teacher: taught,
            exponentials: &mut scratch.exponentials,
            targets: &targets[tile.clone()],
            to,
            losses: losses.part(&tile),
        });
        let dlogits = Rows::new(student, n, words);
        let dx = RowsMut::strided(&mut dx.data[start * dx.stride..], n, d, dx.stride);
        gemm(isa, dlogits, w_rows, dx, Epilogue::None);
        gemm_weight_gradient(isa, dlogits, x, dw, w.precision(), &mut scratch.gemm);
    }
}

/// Turns the logits of some rows into losses and, in place of the student's, into gradients.
struct Tile<'a> {
    student: &'a mut [f32],
    teacher: &'a mut [f32],
    exponentials: &'a mut [f32],
    targets: &'a [u32],
    to: Distillation,
    losses: ComparedLosses<'a>,
}

impl WithSimd for Tile<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Tile { student, teacher, exponentials, targets, to, losses } = self;
        let words = exponentials.len() / 3;
        let (hard, rest) = exponentials.split_at_mut(words);
        let (soft, taught) = rest.split_at_mut(words);
        let rows = student.chunks_exact_mut(words).zip(teacher.chunks_exact_mut(words)).zip(targets);
        for (r, ((a, b), &target)) in rows.enumerate() {
            let target = target as usize;
            let plain = Softmax::of(simd, a, target, to.smoothing, hard);
            (losses.loss[r], losses.nll[r]) = (plain.loss, plain.nll);
            // At T = 1 the student's two softmaxes are one.
            let warmed = (to.temperature != 1.0).then(|| {
                scale_row(simd, a, 1.0 / to.temperature);
                scale_row(simd, b, 1.0 / to.temperature);
                Softmax::of(simd, a, target, 0.0, soft)
            });
            let (p, e) = warmed.as_ref().map_or((&plain, &*hard), |p| (p, &*soft));
            let q = Softmax::of(simd, b, target, 0.0, taught);
            losses.divergence[r] = divergences(simd, (b, &q), (a, p), taught, e)[0];
            let (own, part) = (to.scale * (1.0 - to.share), to.scale * to.share * to.temperature);
            let factors = [own * plain.factor, part * p.factor, part * q.factor];
            gradient(simd, a, [hard, e, taught], factors, own * to.smoothing / words as f32);
            a[target] -= own * (1.0 - to.smoothing);
        }
    }
}

/// row = plain's and softened exponentials less the teacher's, each times its factor, less `uniform`.
#[inline(always)]
fn gradient<S: Simd>(simd: S, row: &mut [f32], exponentials: [&[f32]; 3], factors: [f32; 3], uniform: f32) {
    let (row, row_tail) = S::as_mut_simd_f32s(row);
    let [(e, e_tail), (f, f_tail), (g, g_tail)] = exponentials.map(|x| S::as_simd_f32s(x));
    let [by_e, by_f, by_g] = factors.map(|x| simd.splat_f32s(x));
    let uniforms = simd.splat_f32s(uniform);
    for (((x, e), f), g) in row.iter_mut().zip(e).zip(f).zip(g) {
        let apart = simd.sub_f32s(simd.mul_f32s(*f, by_f), simd.mul_f32s(*g, by_g));
        let own = simd.sub_f32s(simd.mul_f32s(*e, by_e), uniforms);
        *x = simd.add_f32s(own, apart);
    }
    for (((x, e), f), g) in row_tail.iter_mut().zip(e_tail).zip(f_tail).zip(g_tail) {
        *x = (e * factors[0] - uniform) + (f * factors[1] - g * factors[2]);
    }
}
