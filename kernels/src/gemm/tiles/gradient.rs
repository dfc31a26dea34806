//! dw += dy' x in bf16, two tokens to a word; of each 32 tokens even and odd ones are summed apart.

use super::ending::{Part, product_into};
use super::multiply::{Factors, Shape};
use super::{ROWS, SIDE, Sums, Tiles, stride_of};
use crate::gemm::bf16::native;
use crate::gemm::epilogue::Epilogue;
use crate::gemm::gradient::{GemmScratch, TOKENS};
use crate::gemm::gradient_bf16::{Block, pack};
use crate::lines::Lines;
use crate::{Rows, RowsMut, prefetch};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// A weight's gradient.
pub struct Gradient<'a> {
    pub dy: Rows<'a>,
    pub x: Rows<'a>,
    pub dw: RowsMut<'a>,
    pub scratch: &'a mut GemmScratch,
}

impl WithSimd for Gradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        // SAFETY: the body was entered for tiles.
        let tiles = unsafe { Tiles::configure(self.dy.cols) };
        let mut sums = Sums::ZEROS;
        let [mut dy_room, mut x_room] = std::mem::take(&mut self.scratch.words);
        for t0 in (0..self.dy.rows).step_by(TOKENS) {
            let tokens = t0..self.dy.rows.min(t0 + TOKENS);
            let dy = transpose(&self.dy, tokens.clone(), &mut dy_room);
            let x = pack(&self.x, tokens.clone(), SIDE, &mut x_room);
            let steps = tokens.len().div_ceil(2 * SIDE);
            for out in (0..self.dy.cols).step_by(ROWS) {
                prefetch::ahead(self.dw.as_rows(), out, ROWS);
                self.rows(simd, &tiles, &dy, &x, steps, out, &mut sums);
            }
        }
        self.scratch.words = [dy_room, x_room];
    }
}

impl Gradient<'_> {
    /// Up to [`ROWS`] outputs from `out` on.
    #[inline(always)]
    fn rows<S: Simd>(
        &mut self,
        simd: S,
        tiles: &Tiles,
        dy: &Block<'_>,
        x: &Block<'_>,
        steps: usize,
        out: usize,
        sums: &mut Sums,
    ) {
        let rows = out..self.dw.rows.min(out + ROWS);
        let a = &dy.words[out * dy.stride..][..rows.len().next_multiple_of(SIDE) * dy.stride];
        assert!(dy.stride >= steps * SIDE);
        let mut start = 0;
        while start < self.dw.cols {
            let shape = Shape::of(rows.len(), self.dw.cols - start);
            let columns = start..self.dw.cols.min(start + shape.columns());
            let b = &x.words[start..][..(steps * SIDE - 1) * x.stride + shape.columns()];
            let end = columns.end;
            let f =
                Factors { a: a.as_ptr(), a_row: dy.stride, b: b.as_ptr(), b_word: x.stride, b_next: 2 * SIDE, steps };
            let part = Part::whole(Epilogue::Accumulate);
            // SAFETY: a holds whole tiles of outputs and b the shape's columns of each word, as just sliced.
            unsafe { product_into(simd, tiles, shape, f, &mut self.dw, rows.clone(), columns, part, sums) };
            start = end;
        }
    }
}

/// Some tokens of an operand in words, a row a column: `[columns, in whole tiles][stride]`, with zeros to the end of the last step.
#[inline(always)]
fn transpose<'r>(a: &Rows<'_>, tokens: Range<usize>, room: &'r mut Lines<u32>) -> Block<'r> {
    let words = tokens.len().div_ceil(2).next_multiple_of(SIDE);
    let stride = stride_of(words);
    let room = &mut room.grown(a.cols.next_multiple_of(SIDE) * stride)[..];
    for at in (0..words).step_by(SIDE) {
        for start in (0..a.cols).step_by(SIDE) {
            let columns = start..a.cols.min(start + SIDE);
            let mut square = [[0; SIDE]; SIDE];
            for (w, to) in square.iter_mut().enumerate() {
                let first = tokens.start + 2 * (at + w);
                let row = |t: usize| (t < tokens.end).then(|| &a.row(t)[columns.clone()]);
                if let Some(pair) = row(first) {
                    // SAFETY: the body was entered for BF16; rows are of one length, and a vector has room for their words.
                    unsafe { native::pair_rows(pair, row(first + 1), to) };
                }
            }
            let to = &mut room[start * stride + at..][..(SIDE - 1) * stride + SIDE];
            // SAFETY: the body was entered for AVX-512, and there are sixteen rows of sixteen words.
            unsafe { transpose_square(&square, to, stride) };
        }
    }
    Block { words: room, stride }
}

/// Row i of `to` becomes column i.
///
/// # Safety
/// The CPU has AVX-512 F; `to` holds sixteen rows of sixteen words, `stride` apart.
#[inline(always)]
unsafe fn transpose_square(from: &[[u32; SIDE]; SIDE], to: &mut [u32], stride: usize) {
    use std::arch::x86_64::*;
    debug_assert!(to.len() >= (SIDE - 1) * stride + SIDE);
    // SAFETY: reads and writes sixteen words each, as the caller vouches.
    unsafe {
        let mut a = [_mm512_setzero_si512(); SIDE];
        for (a, from) in a.iter_mut().zip(from) {
            *a = _mm512_loadu_si512(from.as_ptr().cast());
        }
        // Within each lane of 128 bits: pairs of rows, then fours, so that b[4 g + j] has column 4 l + j of rows 4 g to 4 g + 3 in lane l.
        let mut b = [_mm512_setzero_si512(); SIDE];
        for g in 0..4 {
            let r = &a[4 * g..4 * g + 4];
            let (low01, high01) = (_mm512_unpacklo_epi32(r[0], r[1]), _mm512_unpackhi_epi32(r[0], r[1]));
            let (low23, high23) = (_mm512_unpacklo_epi32(r[2], r[3]), _mm512_unpackhi_epi32(r[2], r[3]));
            b[4 * g] = _mm512_unpacklo_epi64(low01, low23);
            b[4 * g + 1] = _mm512_unpackhi_epi64(low01, low23);
            b[4 * g + 2] = _mm512_unpacklo_epi64(high01, high23);
            b[4 * g + 3] = _mm512_unpackhi_epi64(high01, high23);
        }
        // Then lanes: of the four groups of rows, lane l of each.
        for j in 0..4 {
            let (even01, odd01) = lanes(b[j], b[4 + j]);
            let (even23, odd23) = lanes(b[8 + j], b[12 + j]);
            // Of even: lanes 0 and 2 of either; of odd: lanes 1 and 3.
            let (zero, two) = lanes(even01, even23);
            let (one, three) = lanes(odd01, odd23);
            for (l, column) in [zero, one, two, three].into_iter().enumerate() {
                _mm512_storeu_si512(to.as_mut_ptr().add((4 * l + j) * stride).cast(), column);
            }
        }
    }
}

/// Lanes 0 and 2 of x and then of y; and lanes 1 and 3.
#[inline(always)]
unsafe fn lanes(
    x: std::arch::x86_64::__m512i,
    y: std::arch::x86_64::__m512i,
) -> (std::arch::x86_64::__m512i, std::arch::x86_64::__m512i) {
    use std::arch::x86_64::_mm512_shuffle_i32x4;
    // SAFETY: the caller's CPU has AVX-512 F.
    unsafe { (_mm512_shuffle_i32x4::<0x88>(x, y), _mm512_shuffle_i32x4::<0xdd>(x, y)) }
}
