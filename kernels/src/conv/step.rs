//! One output of a causal convolution, in decoding.

use super::ConvShape;
use crate::vectors::{load_first, store_first};
use crate::{Isa, Rows, trace, work};
use pulp::{Simd, WithSimd};

/// y = the output at the newest position. x: `[pool rows, channels]`, of which `history` lists the last min(kernel, t + 1) positions,
/// oldest first, the current one included; taps: `[heads, kernel]`, the position's own in a dynamic convolution; y: `[channels]`.
/// The same bits as the whole pass gives for this row.
pub fn conv_step_gather(isa: Isa, shape: &ConvShape, x: Rows<'_>, history: &[u32], taps: &[f32], y: &mut [f32]) {
    let _span = trace::kernel("conv_step_gather", [1, history.len(), shape.channels]);
    assert!(history.len() <= shape.kernel, "{shape:?}: {} remembered positions", history.len());
    assert_eq!((x.cols, y.len()), (shape.channels, shape.channels), "{shape:?}: channels of x and y");
    assert_eq!(taps.len(), shape.heads * shape.kernel, "{shape:?}: taps");
    work::add(history.len() * shape.channels);
    isa.vectorize(Step { shape, x, history, taps, y });
}

struct Step<'a> {
    shape: &'a ConvShape,
    x: Rows<'a>,
    history: &'a [u32],
    taps: &'a [f32],
    y: &'a mut [f32],
}

impl WithSimd for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Step { shape, x, history, taps, y } = self;
        let width = shape.head_channels();
        for (head, y) in y.chunks_mut(width).enumerate() {
            // The newest position meets the last tap.
            let taps = &taps[head * shape.kernel..][shape.kernel - history.len()..shape.kernel];
            for (v, y) in y.chunks_mut(S::F32_LANES).enumerate() {
                let first = head * width + v * S::F32_LANES;
                let mut acc = simd.splat_f32s(0.0);
                for (row, tap) in history.iter().zip(taps) {
                    let x = load_first(simd, &x.row(*row as usize)[first..first + y.len()]);
                    acc = simd.mul_add_e_f32s(simd.splat_f32s(*tap), x, acc);
                }
                store_first(simd, y, acc);
            }
        }
    }
}
