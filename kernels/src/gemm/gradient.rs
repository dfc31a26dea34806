//! Gradients of a linear layer's parameters: sums over tokens.

use super::epilogue::{Epilogue, begin, finish};
use super::micro::{NV, Operands, multiply, multiply_partial, tallest};
use super::precision::Precision;
use super::{bf16, gradient_bf16};
#[cfg(target_arch = "x86_64")]
use crate::lines::Lines;
use crate::prefetch;
use crate::{Isa, Rows, RowsMut, trace};
use pulp::{Simd, WithSimd};

/// Room for the weight gradient to work in: in f32 both operands are read where they lie; rounded to bf16 they are copied.
#[derive(Clone, Debug, Default)]
pub struct GemmScratch {
    pub(super) rounded: [Vec<f32>; 2],
    #[cfg(target_arch = "x86_64")]
    pub(super) words: [Lines<u32>; 2],
}

/// Tokens whose activations stay in the second-level cache while all tiles of dw visit them.
pub(super) const TOKENS: usize = 256;

/// dw += dy' x, tokens ascending (in bf16 by tiles: 32 at a time). dy: `[tokens, out]`, x: `[tokens, in]`, dw: `[out, in]`. Panics where shapes disagree,
/// and in int8, which is for inference.
pub fn gemm_weight_gradient(
    isa: Isa,
    dy: Rows<'_>,
    x: Rows<'_>,
    dw: &mut [f32],
    precision: Precision,
    scratch: &mut GemmScratch,
) {
    let _span = trace::kernel(trace::WEIGHT_GRADIENT[precision as usize], [dy.rows, dy.cols, x.cols])
        .multiply_adds(|| dy.rows * dy.cols * x.cols);
    assert_eq!(dy.rows, x.rows, "tokens of dy and of x");
    [&dy, &x].into_iter().for_each(Rows::assert_whole);
    let dw = RowsMut::new(dw, dy.cols, x.cols);
    match precision {
        Precision::F32 => exact(isa, dy, x, dw),
        Precision::Bf16 if isa.has_bf16() => gradient_bf16::by_pairs(isa, dy, x, dw, scratch),
        Precision::Bf16 => {
            let [dy_room, x_room] = &mut scratch.rounded;
            exact(isa, rounded(dy, dy_room), rounded(x, x_room), dw);
        }
        Precision::Int8 => panic!("weights in bytes have no gradients"),
    }
}

/// a rounded to bf16, in `room`.
fn rounded<'r>(a: Rows<'_>, room: &'r mut Vec<f32>) -> Rows<'r> {
    room.clear();
    room.extend((0..a.rows).flat_map(|r| a.row(r)).map(|&x| bf16::round(x)));
    Rows::new(room, a.rows, a.cols)
}

fn exact(isa: Isa, dy: Rows<'_>, x: Rows<'_>, dw: RowsMut<'_>) {
    isa.vectorize(Gradient { dy, x, dw });
}

struct Gradient<'a> {
    dy: Rows<'a>,
    x: Rows<'a>,
    dw: RowsMut<'a>,
}

impl WithSimd for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for t0 in (0..self.dy.rows).step_by(TOKENS) {
            let tokens = TOKENS.min(self.dy.rows - t0);
            // Tiles read a few columns of each row, which no processor foresees.
            prefetch::rows(self.dy, t0..t0 + tokens);
            prefetch::rows(self.x, t0..t0 + tokens);
            let mut out = 0;
            while out < self.dy.cols {
                prefetch::ahead(self.dw.as_rows(), out, const { tallest(S::F32_LANES) });
                out += match self.dy.cols - out {
                    8.. if const { tallest(S::F32_LANES) == 8 } => self.tile_row::<S, 8>(simd, t0, tokens, out),
                    6.. if const { tallest(S::F32_LANES) == 6 } => self.tile_row::<S, 6>(simd, t0, tokens, out),
                    4.. => self.tile_row::<S, 4>(simd, t0, tokens, out),
                    _ => self.tile_row::<S, 1>(simd, t0, tokens, out),
                };
            }
        }
    }
}

impl Gradient<'_> {
    /// R outputs over some tokens; returns R.
    #[inline(always)]
    fn tile_row<S: Simd, const R: usize>(&mut self, simd: S, t0: usize, tokens: usize, out: usize) -> usize {
        let (dy, x) = (self.dy, self.x);
        let a = &dy.data[t0 * dy.stride + out..][..(tokens - 1) * dy.stride + R];
        for start in (0..x.cols).step_by(NV * S::F32_LANES) {
            let valid = (x.cols - start).min(NV * S::F32_LANES);
            let b = &x.data[t0 * x.stride + start..][..(tokens - 1) * x.stride + valid];
            let o = Operands {
                a: a.as_ptr(),
                a_row: 1,
                a_k: dy.stride,
                b: b.as_ptr(),
                b_k: x.stride,
                b_panel: 0,
                k: tokens,
            };
            // Whole tiles apart: their instance knows that they are whole.
            if valid == NV * S::F32_LANES {
                self.tile::<S, R, NV>(simd, o, out, start, valid);
            } else if valid <= S::F32_LANES {
                self.tile::<S, R, 1>(simd, o, out, start, valid);
            } else {
                self.tile::<S, R, NV>(simd, o, out, start, valid);
            }
        }
        R
    }

    #[inline(always)]
    fn tile<S: Simd, const R: usize, const V: usize>(
        &mut self,
        simd: S,
        o: Operands,
        out: usize,
        start: usize,
        valid: usize,
    ) {
        let columns = start..start + valid;
        let mut acc = [[simd.splat_f32s(0.0); V]; R];
        begin(simd, &mut acc, &self.dw, out, columns.clone());
        if valid == V * S::F32_LANES {
            // SAFETY: `tile_row` sliced a to R columns and b to V whole vectors of `o.k` tokens.
            unsafe { multiply::<S, R, V>(simd, o, &mut acc) };
        } else {
            // SAFETY: `tile_row` sliced a to R columns and b to `valid` columns of `o.k` tokens.
            unsafe { multiply_partial::<S, R, V>(simd, o, valid, &mut acc) };
        }
        finish(simd, &acc, &mut self.dw, out, columns, Epilogue::Accumulate);
    }
}

/// db += the sum of dy over tokens, tokens ascending. dy: `[tokens, out]`, db: `[out]`.
pub fn bias_gradient(isa: Isa, dy: Rows<'_>, db: &mut [f32]) {
    let _span = trace::kernel("bias_gradient", [dy.rows, dy.cols]);
    assert_eq!(db.len(), dy.cols, "length of the bias");
    struct Sum<'a>(Rows<'a>, &'a mut [f32]);
    impl WithSimd for Sum<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Sum(dy, db) = self;
            for t in 0..dy.rows {
                let (head, tail) = S::as_simd_f32s(dy.row(t));
                let (to, to_tail) = S::as_mut_simd_f32s(db);
                for (to, x) in to.iter_mut().zip(head) {
                    *to = simd.add_f32s(*to, *x);
                }
                for (to, x) in to_tail.iter_mut().zip(tail) {
                    *to += x;
                }
            }
        }
    }
    isa.vectorize(Sum(dy, db));
}
