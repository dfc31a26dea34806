//! Gated linear units. Dauphin et al. 2017.

use crate::exp::{sigmoid, times_sigmoid};
use crate::{Isa, Rows, RowsMut, trace};
use pulp::{Simd, WithSimd};

/// y = a sigmoid(b), a and b being the halves of x. x: `[tokens, 2C]`, y: `[tokens, C]`.
pub fn glu(isa: Isa, x: Rows<'_>, y: RowsMut<'_>) {
    let _span = trace::kernel("glu", [y.rows, y.cols]);
    assert_eq!((x.rows, x.cols), (y.rows, 2 * y.cols), "x has twice the channels of y");
    struct Glu<'a>(Rows<'a>, RowsMut<'a>);
    impl WithSimd for Glu<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Glu(x, mut y) = self;
            for t in 0..x.rows {
                let (a, b) = x.row(t).split_at(y.cols);
                let (a, a_tail) = S::as_simd_f32s(a);
                let (b, b_tail) = S::as_simd_f32s(b);
                let (y, y_tail) = S::as_mut_simd_f32s(y.row_mut(t));
                for ((a, b), y) in a.iter().zip(b).zip(y) {
                    *y = times_sigmoid(simd, *a, *b);
                }
                if !y_tail.is_empty() {
                    let (a, b) = (simd.partial_load_f32s(a_tail), simd.partial_load_f32s(b_tail));
                    simd.partial_store_f32s(y_tail, times_sigmoid(simd, a, b));
                }
            }
        }
    }
    isa.vectorize(Glu(x, y));
}

/// The adjoint of [`glu`]: with s = sigmoid(b), da = dy s, db = dy a s (1 - s). x, dx: `[tokens, 2C]`, dy: `[tokens, C]`.
pub fn glu_backward(isa: Isa, x: Rows<'_>, dy: Rows<'_>, dx: RowsMut<'_>) {
    let _span = trace::kernel("glu_backward", [dy.rows, dy.cols]);
    assert_eq!([(x.rows, x.cols), (dx.rows, dx.cols)], [(dy.rows, 2 * dy.cols); 2], "x and dx have twice the channels");
    struct Backward<'a>(Rows<'a>, Rows<'a>, RowsMut<'a>);
    impl WithSimd for Backward<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Backward(x, dy, mut dx) = self;
            for t in 0..x.rows {
                let (a, b) = x.row(t).split_at(dy.cols);
                let (da, db) = dx.row_mut(t).split_at_mut(dy.cols);
                let (a, a_tail) = S::as_simd_f32s(a);
                let (b, b_tail) = S::as_simd_f32s(b);
                let (d, d_tail) = S::as_simd_f32s(dy.row(t));
                let (da, da_tail) = S::as_mut_simd_f32s(da);
                let (db, db_tail) = S::as_mut_simd_f32s(db);
                for i in 0..a.len() {
                    (da[i], db[i]) = gradient(simd, a[i], b[i], d[i]);
                }
                if !d_tail.is_empty() {
                    let [a, b, d] = [a_tail, b_tail, d_tail].map(|x| simd.partial_load_f32s(x));
                    let (to_a, to_b) = gradient(simd, a, b, d);
                    simd.partial_store_f32s(da_tail, to_a);
                    simd.partial_store_f32s(db_tail, to_b);
                }
            }
        }
    }
    isa.vectorize(Backward(x, dy, dx));
}

#[inline(always)]
fn gradient<S: Simd>(simd: S, a: S::f32s, b: S::f32s, d: S::f32s) -> (S::f32s, S::f32s) {
    let s = sigmoid(simd, b);
    let da = simd.mul_f32s(d, s);
    let rest = simd.sub_f32s(simd.splat_f32s(1.0), s);
    (da, simd.mul_f32s(simd.mul_f32s(da, rest), a))
}
