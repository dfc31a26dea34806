//! The gradient of a weight with both operands in bf16, two tokens to a word.

use super::gradient::GemmScratch;
use crate::{Isa, Rows, RowsMut};

/// dw += dy' x. Panics where the tier has no bf16 products.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn by_pairs(_isa: Isa, _dy: Rows<'_>, _x: Rows<'_>, _dw: RowsMut<'_>, _scratch: &mut GemmScratch) {
    unreachable!("no tier of this processor has bf16 products");
}

/// dw += dy' x. Panics where the tier has no bf16 products.
#[cfg(target_arch = "x86_64")]
pub(super) fn by_pairs(isa: Isa, dy: Rows<'_>, x: Rows<'_>, dw: RowsMut<'_>, scratch: &mut GemmScratch) {
    if isa.has_tiles() {
        isa.vectorize_tiles(super::tiles::gradient::Gradient { dy, x, dw, scratch });
    } else {
        isa.vectorize_bf16(x86::Gradient { dy, x, dw, scratch });
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Block, pack};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::super::bf16::native;
    use super::super::epilogue::{Epilogue, begin, finish};
    use super::super::gradient::TOKENS;
    use super::super::micro::{NV, Operands};
    use super::*;
    use crate::lines::Lines;
    use crate::prefetch;
    use pulp::{Simd, WithSimd};
    use std::ops::Range;

    /// Outputs of a tile.
    const MR: usize = 8;
    /// Values of a vector.
    const LANES: usize = 16;

    pub struct Gradient<'a> {
        pub dy: Rows<'a>,
        pub x: Rows<'a>,
        pub dw: RowsMut<'a>,
        pub scratch: &'a mut GemmScratch,
    }

    /// Some tokens of an operand in words: `[tokens / 2][stride]`.
    pub struct Block<'a> {
        pub words: &'a [u32],
        pub stride: usize,
    }

    impl WithSimd for Gradient<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(mut self, simd: S) {
            let [mut dy_room, mut x_room] = std::mem::take(&mut self.scratch.words);
            for t0 in (0..self.dy.rows).step_by(TOKENS) {
                let tokens = t0..self.dy.rows.min(t0 + TOKENS);
                let steps = tokens.len().div_ceil(2);
                let dy = pack(&self.dy, tokens.clone(), 1, &mut dy_room);
                let x = pack(&self.x, tokens, 1, &mut x_room);
                let mut out = 0;
                while out < self.dy.cols {
                    let left = self.dy.cols - out;
                    prefetch::ahead(self.dw.as_rows(), out, MR);
                    out += if left >= MR {
                        self.tile_row::<S, MR>(simd, &dy, &x, steps, out);
                        MR
                    } else if left >= 4 {
                        self.tile_row::<S, 4>(simd, &dy, &x, steps, out);
                        4
                    } else {
                        self.tile_row::<S, 1>(simd, &dy, &x, steps, out);
                        1
                    };
                }
            }
            self.scratch.words = [dy_room, x_room];
        }
    }

    /// Whole vectors, and one more where a power of two would put all tokens into the same sets of the first-level cache. Zeros complete the last `step` words.
    #[inline(always)]
    pub fn pack<'r>(a: &Rows<'_>, tokens: Range<usize>, step: usize, room: &'r mut Lines<u32>) -> Block<'r> {
        let vectors = a.cols.div_ceil(NV * LANES) * NV;
        let stride = LANES * if vectors.is_multiple_of(16) { vectors + 1 } else { vectors };
        let words = tokens.len().div_ceil(2);
        let room = room.grown(words.next_multiple_of(step) * stride);
        for (t, to) in tokens.clone().step_by(2).zip(room.chunks_exact_mut(stride)) {
            let second = (t + 1 < tokens.end).then(|| a.row(t + 1));
            // SAFETY: the body was entered for BF16; rows are of one length and the stride is whole vectors.
            unsafe { native::pair_rows(a.row(t), second, to) };
        }
        room[words * stride..words.next_multiple_of(step) * stride].fill(0);
        Block { words: room, stride }
    }

    impl Gradient<'_> {
        #[inline(always)]
        fn tile_row<S: Simd, const R: usize>(
            &mut self,
            simd: S,
            dy: &Block<'_>,
            x: &Block<'_>,
            steps: usize,
            out: usize,
        ) {
            let a = &dy.words[out..][..(steps - 1) * dy.stride + R];
            for start in (0..self.x.cols).step_by(NV * LANES) {
                let b = &x.words[start..][..(steps - 1) * x.stride + NV * LANES];
                let o = Operands {
                    a: a.as_ptr(),
                    a_row: 1,
                    a_k: dy.stride,
                    b: b.as_ptr(),
                    b_k: x.stride,
                    b_panel: 0,
                    k: steps,
                };
                let columns = start..self.x.cols.min(start + NV * LANES);
                // SAFETY: a holds R columns and b NV whole vectors of each step, as just sliced; the body was entered for BF16.
                unsafe {
                    if columns.len() <= LANES {
                        self.tile::<S, R, 1>(simd, o, out, columns);
                    } else {
                        self.tile::<S, R, NV>(simd, o, out, columns);
                    }
                }
            }
        }

        /// # Safety
        /// As `native::multiply`.
        #[inline(always)]
        unsafe fn tile<S: Simd, const R: usize, const V: usize>(
            &mut self,
            simd: S,
            o: Operands<u32>,
            out: usize,
            columns: Range<usize>,
        ) {
            let mut acc = [[simd.splat_f32s(0.0); V]; R];
            begin(simd, &mut acc, &self.dw, out, columns.clone());
            // SAFETY: the caller's.
            unsafe { native::multiply::<S, R, V>(o, &mut acc) };
            finish(simd, &acc, &mut self.dw, out, columns, Epilogue::Accumulate);
        }
    }
}
