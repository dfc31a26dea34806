//! Taps before they meet tokens: their softmax, and dropout that differs from token to token.

use crate::softmax::{softmax_rows, softmax_rows_backward};
use crate::{Isa, Rows, RowsMut, trace};
use pulp::{Simd, WithSimd};

/// Softmax of each of `rows` rows of `kernel` taps, in place.
pub fn softmax_taps(isa: Isa, rows: usize, kernel: usize, w: &mut [f32]) {
    softmax_rows(isa, RowsMut::new(w, rows, kernel));
}

/// dy -> gradient before the softmax, in place. y: the softmax.
pub fn softmax_taps_backward(isa: Isa, rows: usize, kernel: usize, y: &[f32], dy: &mut [f32]) {
    softmax_rows_backward(isa, Rows::new(y, rows, kernel), RowsMut::new(dy, rows, kernel));
}

/// `out[t] = taps x mask[t]`: what [`super::dynamic_conv`] takes where each token drops taps of its own.
/// taps: `[heads * kernel]`, mask, out: `[tokens, heads * kernel]`.
pub fn expand_taps(isa: Isa, taps: &[f32], mask: &[f32], out: &mut [f32]) {
    let _span = trace::kernel("expand_taps", [out.len() / taps.len().max(1), taps.len()]);
    struct Expand<'a>(&'a [f32], &'a [f32], &'a mut [f32]);
    impl WithSimd for Expand<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _simd: S) {
            let Expand(taps, mask, out) = self;
            for (out, mask) in out.chunks_exact_mut(taps.len()).zip(mask.chunks_exact(taps.len())) {
                for ((out, tap), mask) in out.iter_mut().zip(taps).zip(mask) {
                    *out = tap * mask;
                }
            }
        }
    }
    assert_eq!(mask.len(), out.len(), "the mask and its taps");
    assert!(mask.len().is_multiple_of(taps.len()), "a mask of {} for {} taps", mask.len(), taps.len());
    isa.vectorize(Expand(taps, mask, out));
}

/// dtaps += sum over tokens of dout x mask: the adjoint of [`expand_taps`], tokens ascending.
/// dout, mask: `[tokens, heads * kernel]`, dtaps: `[heads * kernel]`.
pub fn reduce_taps(isa: Isa, dout: &[f32], mask: &[f32], dtaps: &mut [f32]) {
    let _span = trace::kernel("reduce_taps", [mask.len() / dtaps.len().max(1), dtaps.len()]);
    struct Reduce<'a>(&'a [f32], &'a [f32], &'a mut [f32]);
    impl WithSimd for Reduce<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _simd: S) {
            let Reduce(dout, mask, dtaps) = self;
            for (dout, mask) in dout.chunks_exact(dtaps.len()).zip(mask.chunks_exact(dtaps.len())) {
                for ((sum, dout), mask) in dtaps.iter_mut().zip(dout).zip(mask) {
                    *sum += dout * mask;
                }
            }
        }
    }
    assert_eq!(mask.len(), dout.len(), "the mask and its gradients");
    assert!(mask.len().is_multiple_of(dtaps.len()), "a mask of {} for {} taps", mask.len(), dtaps.len());
    isa.vectorize(Reduce(dout, mask, dtaps));
}
