//! Softmax and its logarithm, row by row.

use crate::exp::exp_at_most_88;
use crate::{Isa, Rows, RowsMut, trace};
use pulp::{Simd, WithSimd};

/// The largest value of a row; -infinity for an empty one.
#[inline(always)]
pub(crate) fn row_max<S: Simd>(simd: S, row: &[f32]) -> f32 {
    let (head, tail) = S::as_simd_f32s(row);
    // Four maxima at once: one alone would wait for itself at each vector.
    let mut lanes = [simd.splat_f32s(f32::NEG_INFINITY); 4];
    let (whole, rest) = head.as_chunks::<4>();
    for chunk in whole {
        for (most, x) in lanes.iter_mut().zip(chunk) {
            *most = simd.max_f32s(*most, *x);
        }
    }
    let [a, b, c, d] = lanes;
    let mut most = simd.max_f32s(simd.max_f32s(a, b), simd.max_f32s(c, d));
    for x in rest {
        most = simd.max_f32s(most, *x);
    }
    tail.iter().fold(simd.reduce_max_f32s(most), |m, &x| m.max(x))
}

/// row = e^(row - shift); returns the sum.
#[inline(always)]
pub(crate) fn exp_row<S: Simd>(simd: S, row: &mut [f32], shift: f32) -> f32 {
    let shift = simd.splat_f32s(shift);
    let (head, tail) = S::as_mut_simd_f32s(row);
    let mut sum = simd.splat_f32s(0.0);
    for x in head {
        *x = exp_at_most_88(simd, simd.sub_f32s(*x, shift));
        sum = simd.add_f32s(sum, *x);
    }
    let mut total = simd.reduce_sum_f32s(sum);
    if !tail.is_empty() {
        let y = exp_at_most_88(simd, simd.sub_f32s(simd.partial_load_f32s(tail), shift));
        simd.partial_store_f32s(tail, y);
        total += tail.iter().sum::<f32>();
    }
    total
}

/// The sum of e^(row - shift).
#[inline(always)]
fn sum_exp<S: Simd>(simd: S, row: &[f32], shift: f32) -> f32 {
    let shifts = simd.splat_f32s(shift);
    let (head, tail) = S::as_simd_f32s(row);
    let mut sums = [simd.splat_f32s(0.0); 2];
    let (whole, rest) = head.as_chunks::<2>();
    for chunk in whole {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum = simd.add_f32s(*sum, exp_at_most_88(simd, simd.sub_f32s(*x, shifts)));
        }
    }
    for x in rest {
        sums[0] = simd.add_f32s(sums[0], exp_at_most_88(simd, simd.sub_f32s(*x, shifts)));
    }
    let mut total = simd.reduce_sum_f32s(simd.add_f32s(sums[0], sums[1]));
    if !tail.is_empty() {
        let mut last = [0.0f32; 16];
        let last = &mut last[..tail.len()];
        simd.partial_store_f32s(last, exp_at_most_88(simd, simd.sub_f32s(simd.partial_load_f32s(tail), shifts)));
        for x in last {
            total += *x;
        }
    }
    total
}

/// row = row x factor.
#[inline(always)]
pub(crate) fn scale_row<S: Simd>(simd: S, row: &mut [f32], factor: f32) {
    let (head, tail) = S::as_mut_simd_f32s(row);
    for x in head {
        *x = simd.mul_f32s(*x, simd.splat_f32s(factor));
    }
    tail.iter_mut().for_each(|x| *x *= factor);
}

/// Each row = softmax(row).
pub fn softmax_rows(isa: Isa, x: RowsMut<'_>) {
    let _span = trace::kernel("softmax", [x.rows, x.cols]);
    struct Softmax<'a>(RowsMut<'a>);
    impl WithSimd for Softmax<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let mut x = self.0;
            for r in 0..x.rows {
                let row = x.row_mut(r);
                let most = row_max(simd, row);
                let sum = exp_row(simd, row, most);
                scale_row(simd, row, 1.0 / sum);
            }
        }
    }
    isa.vectorize(Softmax(x));
}

/// The adjoint of [`softmax_rows`] in place: dy = y (dy - sum of dy y). y: `[rows, n]`, dy: `[rows, n]`.
pub fn softmax_rows_backward(isa: Isa, y: Rows<'_>, dy: RowsMut<'_>) {
    let _span = trace::kernel("softmax_backward", [dy.rows, dy.cols]);
    assert_eq!((y.rows, y.cols), (dy.rows, dy.cols), "shapes of y and dy");
    struct Backward<'a>(Rows<'a>, RowsMut<'a>);
    impl WithSimd for Backward<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Backward(y, mut dy) = self;
            for r in 0..y.rows {
                let (y_head, y_tail) = S::as_simd_f32s(y.row(r));
                let (d_head, d_tail) = S::as_mut_simd_f32s(dy.row_mut(r));
                let mut dot = simd.splat_f32s(0.0);
                for (y, d) in y_head.iter().zip(&*d_head) {
                    dot = simd.mul_add_e_f32s(*y, *d, dot);
                }
                let dot = y_tail.iter().zip(&*d_tail).fold(simd.reduce_sum_f32s(dot), |sum, (y, d)| sum + y * d);
                for (y, d) in y_head.iter().zip(d_head) {
                    *d = simd.mul_f32s(*y, simd.sub_f32s(*d, simd.splat_f32s(dot)));
                }
                for (y, d) in y_tail.iter().zip(d_tail) {
                    *d = y * (*d - dot);
                }
            }
        }
    }
    isa.vectorize(Backward(y, dy));
}

/// Each row = log softmax(row).
pub fn log_softmax_rows(isa: Isa, x: RowsMut<'_>) {
    let _span = trace::kernel("log_softmax", [x.rows, x.cols]);
    struct LogSoftmax<'a>(RowsMut<'a>);
    impl WithSimd for LogSoftmax<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let mut x = self.0;
            for r in 0..x.rows {
                let row = x.row_mut(r);
                let most = row_max(simd, row);
                let log_sum = sum_exp(simd, row, most).ln();
                let (head, tail) = S::as_mut_simd_f32s(row);
                for x in head {
                    *x = simd.sub_f32s(simd.sub_f32s(*x, simd.splat_f32s(most)), simd.splat_f32s(log_sum));
                }
                for x in tail {
                    *x = (*x - most) - log_sum;
                }
            }
        }
    }
    isa.vectorize(LogSoftmax(x));
}
