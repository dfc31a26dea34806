//! ReLU's adjoint; ReLU itself is an epilogue of the matrix product.

use crate::{Isa, trace};
use pulp::{Simd, WithSimd};

/// dy = 0 wherever y = max(0, x) is 0.
pub fn relu_backward(isa: Isa, y: &[f32], dy: &mut [f32]) {
    let _span = trace::kernel("relu_backward", [y.len()]);
    assert_eq!(y.len(), dy.len(), "values of y and dy");
    struct Backward<'a>(&'a [f32], &'a mut [f32]);
    impl WithSimd for Backward<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let zero = simd.splat_f32s(0.0);
            let (y, y_tail) = S::as_simd_f32s(self.0);
            let (d, d_tail) = S::as_mut_simd_f32s(self.1);
            for (y, d) in y.iter().zip(d) {
                *d = simd.select_f32s(simd.greater_than_f32s(*y, zero), *d, zero);
            }
            for (y, d) in y_tail.iter().zip(d_tail) {
                *d = if *y > 0.0 { *d } else { 0.0 };
            }
        }
    }
    isa.vectorize(Backward(y, dy));
}
