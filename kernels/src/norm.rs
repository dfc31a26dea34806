//! Layer norm, with the residual sum and the dropout before it.

use crate::dropout::{DropoutKey, MaskStream};
use crate::{Isa, Rows, RowsMut, trace};
use pulp::{Simd, WithSimd};

/// Rate, a key a sequence, offsets of the sequences: what of a sublayer's output is dropped before the sum.
pub type SumDropout<'a> = (f32, &'a [DropoutKey], &'a [usize]);

/// sum = residual + dropout(x); y = (sum - mean) / sqrt(variance + eps) x gamma + beta. x, residual, sum, y: `[tokens, channels]`;
/// stats: `[tokens, 2]`, mean and 1 / sqrt(variance + eps), which the adjoint reads. Panics where shapes disagree.
pub fn add_norm(
    isa: Isa,
    x: Rows<'_>,
    residual: Option<Rows<'_>>,
    dropout: Option<SumDropout<'_>>,
    gamma: &[f32],
    beta: &[f32],
    eps: f32,
    sum: RowsMut<'_>,
    y: RowsMut<'_>,
    stats: &mut [f32],
) {
    let _span = trace::kernel("add_norm", [x.rows, x.cols]);
    assert_eq!([gamma.len(), beta.len()], [x.cols; 2], "channels of gamma and beta");
    assert_eq!([(sum.rows, sum.cols), (y.rows, y.cols)], [(x.rows, x.cols); 2], "shapes of sum and y");
    assert_eq!(stats.len(), 2 * x.rows, "two statistics a row");
    isa.vectorize(AddNorm { add: Add::new(x, residual, dropout), gamma, beta, eps, sum, y, stats });
}

/// y = residual + dropout(x). Panics where shapes disagree.
pub fn add_dropout(isa: Isa, x: Rows<'_>, residual: Rows<'_>, dropout: Option<SumDropout<'_>>, y: RowsMut<'_>) {
    let _span = trace::kernel("add_dropout", [x.rows, x.cols]);
    assert_eq!((y.rows, y.cols), (x.rows, x.cols), "shape of y");
    struct Sum<'a>(Add<'a>, RowsMut<'a>);
    impl WithSimd for Sum<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Sum(add, mut y) = self;
            let mut masks = Masks::new();
            for t in 0..y.rows {
                add.row(simd, &mut masks, t, y.row_mut(t));
            }
        }
    }
    isa.vectorize(Sum(Add::new(x, Some(residual), dropout), y));
}

/// residual + dropout(x), row by row.
struct Add<'a> {
    x: Rows<'a>,
    residual: Option<Rows<'a>>,
    dropout: Option<SumDropout<'a>>,
}

impl<'a> Add<'a> {
    fn new(x: Rows<'a>, residual: Option<Rows<'a>>, dropout: Option<SumDropout<'a>>) -> Add<'a> {
        if let Some(r) = residual {
            assert_eq!((r.rows, r.cols), (x.rows, x.cols), "shapes of the residual and of x");
        }
        if let Some((_, keys, offsets)) = dropout {
            assert_eq!(keys.len() + 1, offsets.len(), "one key a sequence");
            assert_eq!(offsets.last(), Some(&x.rows), "rows of the sequences and of x");
        }
        Add { x, residual, dropout }
    }

    /// Writes row t of the sum; rows come in order. Not a closure's business: a closure is not compiled for the tier.
    #[inline(always)]
    fn row<S: Simd>(&self, simd: S, masks: &mut Masks, t: usize, to: &mut [f32]) {
        to.copy_from_slice(self.x.row(t));
        if let Some((rate, keys, offsets)) = self.dropout {
            while t >= masks.end {
                masks.stream = MaskStream::of_rate(keys[masks.sequence], rate);
                masks.end = offsets[masks.sequence + 1];
                masks.sequence += 1;
            }
            masks.stream.multiply(simd, to);
        }
        if let Some(residual) = self.residual {
            let (head, tail) = S::as_mut_simd_f32s(to);
            let (r_head, r_tail) = S::as_simd_f32s(residual.row(t));
            for (x, r) in head.iter_mut().zip(r_head) {
                *x = simd.add_f32s(*x, *r);
            }
            tail.iter_mut().zip(r_tail).for_each(|(x, r)| *x += r);
        }
    }
}

/// The mask of the sequence that rows have come to, its end, and the number of the next sequence.
struct Masks {
    stream: MaskStream,
    end: usize,
    sequence: usize,
}

impl Masks {
    #[inline(always)]
    fn new() -> Masks {
        Masks { stream: MaskStream::of_rate(DropoutKey { key: [0; 2], counter: [0; 2] }, 0.0), end: 0, sequence: 0 }
    }
}

struct AddNorm<'a> {
    add: Add<'a>,
    gamma: &'a [f32],
    beta: &'a [f32],
    eps: f32,
    sum: RowsMut<'a>,
    y: RowsMut<'a>,
    stats: &'a mut [f32],
}

impl WithSimd for AddNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let AddNorm { add, gamma, beta, eps, mut sum, mut y, stats } = self;
        let mut masks = Masks::new();
        for t in 0..y.rows {
            let row = sum.row_mut(t);
            add.row(simd, &mut masks, t, row);
            let (mean, rstd) = statistics(simd, row, eps);
            stats[2 * t] = mean;
            stats[2 * t + 1] = rstd;
            normalise(simd, row, (mean, rstd), gamma, beta, y.row_mut(t));
        }
    }
}

/// Mean and 1 / sqrt(variance + eps), in two passes: the second sums squares of differences, which do not cancel.
#[inline(always)]
fn statistics<S: Simd>(simd: S, row: &[f32], eps: f32) -> (f32, f32) {
    let (head, tail) = S::as_simd_f32s(row);
    let n = row.len() as f32;
    let mut sum = simd.splat_f32s(0.0);
    for x in head {
        sum = simd.add_f32s(sum, *x);
    }
    let mean = tail.iter().fold(simd.reduce_sum_f32s(sum), |sum, x| sum + x) / n;
    let vector_mean = simd.splat_f32s(mean);
    let mut squares = simd.splat_f32s(0.0);
    for x in head {
        let d = simd.sub_f32s(*x, vector_mean);
        squares = simd.mul_add_e_f32s(d, d, squares);
    }
    let squares = tail.iter().fold(simd.reduce_sum_f32s(squares), |sum, x| sum + (x - mean) * (x - mean));
    (mean, 1.0 / (squares / n + eps).sqrt())
}

#[inline(always)]
fn normalise<S: Simd>(simd: S, row: &[f32], (mean, rstd): (f32, f32), gamma: &[f32], beta: &[f32], y: &mut [f32]) {
    let (x, x_tail) = S::as_simd_f32s(row);
    let (g, g_tail) = S::as_simd_f32s(gamma);
    let (b, b_tail) = S::as_simd_f32s(beta);
    let (y, y_tail) = S::as_mut_simd_f32s(y);
    let (vector_mean, vector_rstd) = (simd.splat_f32s(mean), simd.splat_f32s(rstd));
    for (((x, g), b), y) in x.iter().zip(g).zip(b).zip(y) {
        let normed = simd.mul_f32s(simd.sub_f32s(*x, vector_mean), vector_rstd);
        *y = simd.mul_add_e_f32s(normed, *g, *b);
    }
    for (((x, g), b), y) in x_tail.iter().zip(g_tail).zip(b_tail).zip(y_tail) {
        *y = (x - mean) * rstd * g + b;
    }
}

/// The adjoint of layer norm. With n = (sum - mean) rstd and d = dy gamma:
/// dsum = rstd (d - mean(d) - n mean(d n)), dgamma += sum of dy n, dbeta += sum of dy, tokens ascending.
pub fn norm_backward(
    isa: Isa,
    sum: Rows<'_>,
    stats: &[f32],
    gamma: &[f32],
    dy: Rows<'_>,
    dsum: RowsMut<'_>,
    dgamma: &mut [f32],
    dbeta: &mut [f32],
) {
    let _span = trace::kernel("norm_backward", [dy.rows, dy.cols]);
    assert_eq!([gamma.len(), dgamma.len(), dbeta.len()], [sum.cols; 3], "channels of gamma, dgamma and dbeta");
    assert_eq!([(dy.rows, dy.cols), (dsum.rows, dsum.cols)], [(sum.rows, sum.cols); 2], "shapes of dy and dsum");
    assert_eq!(stats.len(), 2 * sum.rows, "two statistics a row");
    isa.vectorize(Backward { sum, stats, gamma, dy, dsum, dgamma, dbeta });
}

struct Backward<'a> {
    sum: Rows<'a>,
    stats: &'a [f32],
    gamma: &'a [f32],
    dy: Rows<'a>,
    dsum: RowsMut<'a>,
    dgamma: &'a mut [f32],
    dbeta: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Backward { sum, stats, gamma, dy, mut dsum, dgamma, dbeta } = self;
        let channels = sum.cols as f32;
        let (g, g_tail) = S::as_simd_f32s(gamma);
        for t in 0..sum.rows {
            let (mean, rstd) = (stats[2 * t], stats[2 * t + 1]);
            let (vector_mean, vector_rstd) = (simd.splat_f32s(mean), simd.splat_f32s(rstd));
            let (x, x_tail) = S::as_simd_f32s(sum.row(t));
            let (d, d_tail) = S::as_simd_f32s(dy.row(t));
            let (dg, dg_tail) = S::as_mut_simd_f32s(dgamma);
            let (db, db_tail) = S::as_mut_simd_f32s(dbeta);
            let (mut of_d, mut of_dn) = (simd.splat_f32s(0.0), simd.splat_f32s(0.0));
            for i in 0..x.len() {
                let n = simd.mul_f32s(simd.sub_f32s(x[i], vector_mean), vector_rstd);
                dg[i] = simd.mul_add_e_f32s(d[i], n, dg[i]);
                db[i] = simd.add_f32s(db[i], d[i]);
                let scaled = simd.mul_f32s(d[i], g[i]);
                of_d = simd.add_f32s(of_d, scaled);
                of_dn = simd.mul_add_e_f32s(scaled, n, of_dn);
            }
            let (mut of_d, mut of_dn) = (simd.reduce_sum_f32s(of_d), simd.reduce_sum_f32s(of_dn));
            for i in 0..x_tail.len() {
                let n = (x_tail[i] - mean) * rstd;
                dg_tail[i] += d_tail[i] * n;
                db_tail[i] += d_tail[i];
                of_d += d_tail[i] * g_tail[i];
                of_dn += d_tail[i] * g_tail[i] * n;
            }
            let (mean_d, mean_dn) = (of_d / channels, of_dn / channels);
            let (vector_d, vector_dn) = (simd.splat_f32s(mean_d), simd.splat_f32s(mean_dn));
            let (to, to_tail) = S::as_mut_simd_f32s(dsum.row_mut(t));
            for i in 0..x.len() {
                let n = simd.mul_f32s(simd.sub_f32s(x[i], vector_mean), vector_rstd);
                let centred = simd.sub_f32s(simd.mul_f32s(d[i], g[i]), vector_d);
                let rest = simd.sub_f32s(centred, simd.mul_f32s(n, vector_dn));
                to[i] = simd.mul_f32s(rest, vector_rstd);
            }
            for i in 0..x_tail.len() {
                let n = (x_tail[i] - mean) * rstd;
                to_tail[i] = (d_tail[i] * g_tail[i] - mean_d - n * mean_dn) * rstd;
            }
        }
    }
}
