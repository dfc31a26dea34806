//! Sums and scalings.

use crate::{Isa, Rows, RowsMut, trace};
use pulp::{Simd, WithSimd};

/// y += x.
pub fn add_assign(isa: Isa, y: &mut [f32], x: &[f32]) {
    assert_eq!(y.len(), x.len(), "values of y and x");
    let n = x.len();
    add_rows(isa, RowsMut::new(y, 1, n), Rows::new(x, 1, n));
}

/// y += x, row by row.
pub fn add_rows(isa: Isa, y: RowsMut<'_>, x: Rows<'_>) {
    let _span = trace::kernel("add", [x.rows, x.cols]);
    assert_eq!((y.rows, y.cols), (x.rows, x.cols), "shapes of y and x");
    struct Add<'a>(RowsMut<'a>, Rows<'a>);
    impl WithSimd for Add<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Add(mut y, x) = self;
            for r in 0..x.rows {
                add_row(simd, y.row_mut(r), x.row(r));
            }
        }
    }
    isa.vectorize(Add(y, x));
}

/// y += x, within another kernel.
#[inline(always)]
pub(crate) fn add_row<S: Simd>(simd: S, y: &mut [f32], x: &[f32]) {
    let (from, from_tail) = S::as_simd_f32s(x);
    let (to, to_tail) = S::as_mut_simd_f32s(y);
    for (y, x) in to.iter_mut().zip(from) {
        *y = simd.add_f32s(*y, *x);
    }
    to_tail.iter_mut().zip(from_tail).for_each(|(y, x)| *y += x);
}

/// mean += share x (x - mean): the mean moves this share of its way to x, and stays what it is where both are the same.
pub fn move_towards(isa: Isa, mean: &mut [f32], x: &[f32], share: f32) {
    let _span = trace::kernel("move_towards", [x.len()]);
    assert_eq!(mean.len(), x.len(), "values of the mean and of x");
    struct Move<'a>(&'a mut [f32], &'a [f32], f32);
    impl WithSimd for Move<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Move(mean, x, share) = self;
            let (to, to_tail) = S::as_mut_simd_f32s(mean);
            let (from, from_tail) = S::as_simd_f32s(x);
            let shares = simd.splat_f32s(share);
            for (mean, x) in to.iter_mut().zip(from) {
                *mean = simd.add_f32s(*mean, simd.mul_f32s(shares, simd.sub_f32s(*x, *mean)));
            }
            // As the vectors do it, so that a value's bits do not depend on its place.
            to_tail.iter_mut().zip(from_tail).for_each(|(mean, x)| *mean += share * (x - *mean));
        }
    }
    isa.vectorize(Move(mean, x, share));
}

/// y = y x factor.
pub fn scale(isa: Isa, y: &mut [f32], factor: f32) {
    let _span = trace::kernel("scale", [y.len()]);
    struct Scale<'a>(&'a mut [f32], f32);
    impl WithSimd for Scale<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            crate::softmax::scale_row(simd, self.0, self.1);
        }
    }
    isa.vectorize(Scale(y, factor));
}

/// y = y x, value by value.
pub fn multiply_assign(isa: Isa, y: &mut [f32], x: &[f32]) {
    let _span = trace::kernel("multiply", [y.len()]);
    assert_eq!(y.len(), x.len(), "values of y and x");
    struct Multiply<'a>(&'a mut [f32], &'a [f32]);
    impl WithSimd for Multiply<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let (to, to_tail) = S::as_mut_simd_f32s(self.0);
            let (from, from_tail) = S::as_simd_f32s(self.1);
            for (y, x) in to.iter_mut().zip(from) {
                *y = simd.mul_f32s(*y, *x);
            }
            to_tail.iter_mut().zip(from_tail).for_each(|(y, x)| *y *= x);
        }
    }
    isa.vectorize(Multiply(y, x));
}

/// The sum of squares in f64, in the order of the values: the same on every tier.
pub fn sum_squares(x: &[f32]) -> f64 {
    let _span = trace::kernel("sum_squares", [x.len()]);
    // Eight running sums let the additions overlap; their order is fixed. Of chunks whose length is known they stay in registers.
    let mut sums = [0.0f64; 8];
    let (whole, rest) = x.as_chunks::<8>();
    for chunk in whole {
        for (sum, &x) in sums.iter_mut().zip(chunk) {
            *sum += f64::from(x) * f64::from(x);
        }
    }
    for (sum, &x) in sums.iter_mut().zip(rest) {
        *sum += f64::from(x) * f64::from(x);
    }
    sums.iter().sum()
}
