//! Layer norm, with the residual sum and the dropout before it.

use crate::dropout::{DropoutKey, MaskStream};
use crate::elementwise::add_row;
use crate::{Isa, Rows, RowsMut, trace};
use pulp::{Simd, WithSimd};

/// Rate, a key a sequence, offsets of the sequences: what of a sublayer's output is dropped before the sum.
pub type SumDropout<'a> = (f32, &'a [DropoutKey], &'a [usize]);

/// sum = residual + dropout(sum); y = (sum - mean) / sqrt(variance + eps) x gamma + beta. residual, sum, y: `[tokens, channels]`; stats:
/// `[tokens, 2]`, mean and 1 / sqrt(variance + eps), which the adjoint reads with the sum. Panics where shapes disagree.
pub fn add_norm(
    isa: Isa,
    residual: Rows<'_>,
    dropout: Option<SumDropout<'_>>,
    gamma: &[f32],
    beta: &[f32],
    eps: f32,
    sum: RowsMut<'_>,
    y: RowsMut<'_>,
    stats: &mut [f32],
) {
    let _span = trace::kernel("add_norm", [sum.rows, sum.cols]);
    let add = Add::new(residual, dropout, &sum);
    let norm = Norm::new(&sum.as_rows(), gamma, beta, eps, y, stats);
    isa.vectorize(AddNorm { add, sum, norm });
}

/// y = (x - mean) / sqrt(variance + eps) x gamma + beta. x, y: `[tokens, channels]`; stats as of [`add_norm`]. Panics where shapes disagree.
pub fn norm(isa: Isa, x: Rows<'_>, gamma: &[f32], beta: &[f32], eps: f32, y: RowsMut<'_>, stats: &mut [f32]) {
    let _span = trace::kernel("norm", [x.rows, x.cols]);
    struct Whole<'a>(Rows<'a>, Norm<'a>);
    impl WithSimd for Whole<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Whole(x, mut norm) = self;
            let mut t = 0;
            while t < x.rows {
                let count = at_once(x.rows - t);
                norm.rows(simd, &x, t, count);
                t += count;
            }
        }
    }
    let norm = Norm::new(&x, gamma, beta, eps, y, stats);
    isa.vectorize(Whole(x, norm));
}

/// x = residual + dropout(x). residual, x: `[tokens, channels]`. Panics where shapes disagree.
pub fn add_dropout(isa: Isa, residual: Rows<'_>, dropout: Option<SumDropout<'_>>, x: RowsMut<'_>) {
    let _span = trace::kernel("add_dropout", [x.rows, x.cols]);
    struct Sum<'a>(Add<'a>, RowsMut<'a>);
    impl WithSimd for Sum<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Sum(add, mut x) = self;
            let mut masks = Masks::new();
            for t in 0..x.rows {
                add.row(simd, &mut masks, t, x.row_mut(t));
            }
        }
    }
    isa.vectorize(Sum(Add::new(residual, dropout, &x), x));
}

/// What is done to the rows of x, one after the other: x = residual + dropout(x).
struct Add<'a> {
    residual: Rows<'a>,
    dropout: Option<SumDropout<'a>>,
}

impl<'a> Add<'a> {
    fn new(residual: Rows<'a>, dropout: Option<SumDropout<'a>>, x: &RowsMut<'_>) -> Add<'a> {
        assert_eq!((residual.rows, residual.cols), (x.rows, x.cols), "shapes of the residual and of x");
        if let Some(dropout) = dropout {
            check(dropout, x.rows);
        }
        Add { residual, dropout }
    }

    /// Row t of x. Not a closure's business: a closure is not compiled for the tier.
    #[inline(always)]
    fn row<S: Simd>(&self, simd: S, masks: &mut Masks, t: usize, x: &mut [f32]) {
        if let Some(dropout) = self.dropout {
            masks.multiply(simd, dropout, t, x);
        }
        add_row(simd, x, self.residual.row(t));
    }
}

/// Panics where sizes disagree.
fn check((_, keys, offsets): SumDropout<'_>, rows: usize) {
    assert_eq!(keys.len() + 1, offsets.len(), "one key a sequence");
    assert_eq!(offsets.last(), Some(&rows), "rows of the sequences and of x");
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

    /// Multiplies row t by its mask; rows come in order.
    #[inline(always)]
    fn multiply<S: Simd>(&mut self, simd: S, (rate, keys, offsets): SumDropout<'_>, t: usize, row: &mut [f32]) {
        while t >= self.end {
            self.stream = MaskStream::of_rate(keys[self.sequence], rate);
            self.end = offsets[self.sequence + 1];
            self.sequence += 1;
        }
        self.stream.multiply(simd, row);
    }
}

struct AddNorm<'a> {
    add: Add<'a>,
    sum: RowsMut<'a>,
    norm: Norm<'a>,
}

impl WithSimd for AddNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let AddNorm { add, mut sum, mut norm } = self;
        let mut masks = Masks::new();
        let mut t = 0;
        while t < sum.rows {
            let count = at_once(sum.rows - t);
            for t in t..t + count {
                add.row(simd, &mut masks, t, sum.row_mut(t));
            }
            norm.rows(simd, &sum.as_rows(), t, count);
            t += count;
        }
    }
}

/// How many of so many rows are taken together: sums of one row wait for themselves.
#[inline(always)]
fn at_once(rows: usize) -> usize {
    if rows >= 4 { 4 } else { 1 }
}

/// Where norms go.
struct Norm<'a> {
    gamma: &'a [f32],
    beta: &'a [f32],
    eps: f32,
    y: RowsMut<'a>,
    stats: &'a mut [f32],
}

impl<'a> Norm<'a> {
    /// Panics where shapes disagree.
    fn new(
        x: &Rows<'_>,
        gamma: &'a [f32],
        beta: &'a [f32],
        eps: f32,
        y: RowsMut<'a>,
        stats: &'a mut [f32],
    ) -> Norm<'a> {
        assert_eq!([gamma.len(), beta.len()], [x.cols; 2], "channels of gamma and beta");
        assert_eq!((y.rows, y.cols), (x.rows, x.cols), "shape of y");
        assert_eq!(stats.len(), 2 * x.rows, "two statistics a row");
        Norm { gamma, beta, eps, y, stats }
    }

    /// Of `count` rows of x from t on, four or one.
    #[inline(always)]
    fn rows<S: Simd>(&mut self, simd: S, x: &Rows<'_>, t: usize, count: usize) {
        let stats = &mut self.stats[2 * t..2 * (t + count)];
        match count {
            4 => statistics::<S, 4>(simd, x, t, self.eps, stats),
            _ => statistics::<S, 1>(simd, x, t, self.eps, stats),
        }
        for (t, stats) in (t..).zip(stats.chunks_exact(2)) {
            normalise(simd, x.row(t), (stats[0], stats[1]), self.gamma, self.beta, self.y.row_mut(t));
        }
    }
}

/// stats = mean and 1 / sqrt(variance + eps) of rows `t..t + R`, in two passes: the second sums squares of differences, which do not cancel.
#[inline(always)]
fn statistics<S: Simd, const R: usize>(simd: S, x: &Rows<'_>, t: usize, eps: f32, stats: &mut [f32]) {
    let n = x.cols as f32;
    let mut rows = [(&[] as &[S::f32s], &[] as &[f32]); R];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = S::as_simd_f32s(x.row(t + r));
    }
    let vectors = x.cols / S::F32_LANES;
    let mut sums = [simd.splat_f32s(0.0); R];
    for v in 0..vectors {
        for (sum, row) in sums.iter_mut().zip(&rows) {
            *sum = simd.add_f32s(*sum, row.0[v]);
        }
    }
    let mut means = [0.0; R];
    for ((mean, sum), row) in means.iter_mut().zip(sums).zip(&rows) {
        *mean = row.1.iter().fold(simd.reduce_sum_f32s(sum), |sum, x| sum + x) / n;
    }
    let mut squares = [simd.splat_f32s(0.0); R];
    for v in 0..vectors {
        for ((sum, row), mean) in squares.iter_mut().zip(&rows).zip(means) {
            let d = simd.sub_f32s(row.0[v], simd.splat_f32s(mean));
            *sum = simd.mul_add_e_f32s(d, d, *sum);
        }
    }
    for (r, (sum, mean)) in squares.into_iter().zip(means).enumerate() {
        let squares = rows[r].1.iter().fold(simd.reduce_sum_f32s(sum), |sum, x| sum + (x - mean) * (x - mean));
        stats[2 * r] = mean;
        stats[2 * r + 1] = 1.0 / (squares / n + eps).sqrt();
    }
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

/// The adjoint of layer norm; dy becomes dsum. With n = (sum - mean) rstd and d = dy gamma:
/// dsum = rstd (d - mean(d) - n mean(d n)), dgamma += sum of dy n, dbeta += sum of dy, tokens ascending. Where some of x was dropped before
/// it was summed: dx = dsum under the same dropout. Panics where shapes disagree.
pub fn norm_backward(
    isa: Isa,
    sum: Rows<'_>,
    stats: &[f32],
    gamma: &[f32],
    dy: RowsMut<'_>,
    dx: Option<(SumDropout<'_>, RowsMut<'_>)>,
    dgamma: &mut [f32],
    dbeta: &mut [f32],
) {
    let _span = trace::kernel("norm_backward", [dy.rows, dy.cols]);
    assert_eq!([gamma.len(), dgamma.len(), dbeta.len()], [sum.cols; 3], "channels of gamma, dgamma and dbeta");
    assert_eq!((dy.rows, dy.cols), (sum.rows, sum.cols), "shape of dy");
    assert_eq!(stats.len(), 2 * sum.rows, "two statistics a row");
    if let Some((dropout, dx)) = &dx {
        check(*dropout, sum.rows);
        assert_eq!((dx.rows, dx.cols), (sum.rows, sum.cols), "shape of dx");
    }
    isa.vectorize(Backward { sum, stats, gamma, dy, dx, dgamma, dbeta });
}

struct Backward<'a> {
    sum: Rows<'a>,
    stats: &'a [f32],
    gamma: &'a [f32],
    dy: RowsMut<'a>,
    dx: Option<(SumDropout<'a>, RowsMut<'a>)>,
    dgamma: &'a mut [f32],
    dbeta: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Backward { sum, stats, gamma, mut dy, mut dx, dgamma, dbeta } = self;
        let mut g = Gradients { gamma, dgamma, dbeta };
        let mut masks = Masks::new();
        let mut t = 0;
        while t < sum.rows {
            // Rows that are taken together read and write dgamma and dbeta once.
            let count = match sum.rows - t {
                4.. if const { S::REGISTER_COUNT >= 32 } => {
                    rows_backward::<S, 4>(simd, &sum, stats, &mut dy, &mut g, t)
                }
                2.. => rows_backward::<S, 2>(simd, &sum, stats, &mut dy, &mut g, t),
                _ => rows_backward::<S, 1>(simd, &sum, stats, &mut dy, &mut g, t),
            };
            if let Some((dropout, dx)) = &mut dx {
                for t in t..t + count {
                    let to = dx.row_mut(t);
                    to.copy_from_slice(dy.row(t));
                    masks.multiply(simd, *dropout, t, to);
                }
            }
            t += count;
        }
    }
}

struct Gradients<'a> {
    gamma: &'a [f32],
    dgamma: &'a mut [f32],
    dbeta: &'a mut [f32],
}

/// Rows `t..t + R` of dy become those of dsum; and what they add to dgamma and dbeta, in order; returns R.
#[inline(always)]
fn rows_backward<S: Simd, const R: usize>(
    simd: S,
    sum: &Rows<'_>,
    stats: &[f32],
    dy: &mut RowsMut<'_>,
    g: &mut Gradients<'_>,
    t: usize,
) -> usize {
    let channels = sum.cols as f32;
    let vectors = sum.cols / S::F32_LANES;
    let mut x = [(&[] as &[S::f32s], &[] as &[f32]); R];
    let mut d = [&[] as &[S::f32s]; R];
    let (mut means, mut rstds) = ([0.0; R], [0.0; R]);
    for r in 0..R {
        (x[r], d[r]) = (S::as_simd_f32s(sum.row(t + r)), S::as_simd_f32s(dy.row(t + r)).0);
        (means[r], rstds[r]) = (stats[2 * (t + r)], stats[2 * (t + r) + 1]);
    }
    let (gamma, gamma_tail) = S::as_simd_f32s(g.gamma);
    let (dgamma, dgamma_tail) = S::as_mut_simd_f32s(g.dgamma);
    let (dbeta, dbeta_tail) = S::as_mut_simd_f32s(g.dbeta);
    let (mut of_d, mut of_dn) = ([simd.splat_f32s(0.0); R], [simd.splat_f32s(0.0); R]);
    for v in 0..vectors {
        let (gamma, mut dg, mut db) = (gamma[v], dgamma[v], dbeta[v]);
        for r in 0..R {
            let d = d[r][v];
            let n = simd.mul_f32s(simd.sub_f32s(x[r].0[v], simd.splat_f32s(means[r])), simd.splat_f32s(rstds[r]));
            dg = simd.mul_add_e_f32s(d, n, dg);
            db = simd.add_f32s(db, d);
            let scaled = simd.mul_f32s(d, gamma);
            of_d[r] = simd.add_f32s(of_d[r], scaled);
            of_dn[r] = simd.mul_add_e_f32s(scaled, n, of_dn[r]);
        }
        (dgamma[v], dbeta[v]) = (dg, db);
    }
    for r in 0..R {
        let (mean, rstd) = (means[r], rstds[r]);
        let (mut of_d, mut of_dn) = (simd.reduce_sum_f32s(of_d[r]), simd.reduce_sum_f32s(of_dn[r]));
        let (d, d_tail) = S::as_mut_simd_f32s(dy.row_mut(t + r));
        for (i, (x, d)) in x[r].1.iter().zip(&*d_tail).enumerate() {
            let n = (x - mean) * rstd;
            dgamma_tail[i] += d * n;
            dbeta_tail[i] += d;
            of_d += d * gamma_tail[i];
            of_dn += d * gamma_tail[i] * n;
        }
        // dsum = d gamma rstd + (x - mean) of_x + constant: what is the same for all channels is worked out once.
        let (of_x, constant) = (-rstd * rstd * (of_dn / channels), -rstd * (of_d / channels));
        let (vector_mean, vector_rstd) = (simd.splat_f32s(mean), simd.splat_f32s(rstd));
        let (vector_of_x, vector_constant) = (simd.splat_f32s(of_x), simd.splat_f32s(constant));
        for ((d, x), gamma) in d.iter_mut().zip(x[r].0).zip(gamma) {
            let own = simd.mul_add_e_f32s(simd.mul_f32s(*d, *gamma), vector_rstd, vector_constant);
            *d = simd.mul_add_e_f32s(simd.sub_f32s(*x, vector_mean), vector_of_x, own);
        }
        for ((d, x), gamma) in d_tail.iter_mut().zip(x[r].1).zip(gamma_tail) {
            *d = (x - mean) * of_x + (*d * gamma * rstd + constant);
        }
    }
    R
}
