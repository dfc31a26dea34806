//! c = a b in bytes, rows of a quantised as they come.

use super::multiply::{self, Factors, Operands, Place, Shape};
use super::{ROOM, ROWS, SIDE, STRIDE, Sums, Tiles, ending, stride_of};
use crate::gemm::epilogue::Epilogue;
use crate::gemm::int8::{Bytes, Units, block_columns, quantize};
use crate::lines::Lines;
use crate::{Rows, RowsMut};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// A product.
pub struct Product<'a> {
    pub a: Rows<'a>,
    pub b: &'a Bytes,
    pub c: RowsMut<'a>,
    pub epilogue: Epilogue<'a>,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        // SAFETY: the body was entered for tiles.
        let tiles = unsafe { Tiles::configure(self.a.rows) };
        let mut sums = Sums::ZEROS;
        let n = self.b.panels.n;
        let columns = block_columns(self.b.panels.steps, S::F32_LANES);
        let mut room = ROOM.take();
        for n0 in (0..n).step_by(columns) {
            for row in (0..self.a.rows).step_by(ROWS) {
                let rows = row..self.a.rows.min(row + ROWS);
                let a = quantized(&self.a, rows.clone(), self.b.panels.steps, &mut room);
                self.rows(simd, &tiles, a, rows, n0..n.min(n0 + columns), &mut sums);
            }
        }
        ROOM.set(room);
    }
}

/// Rows in bytes, as many as whole tiles have; what those further hold is seen by no row of c.
struct Quantized<'a> {
    words: &'a [u32],
    stride: usize,
    /// What a unit of each row is worth.
    units: [f32; ROWS],
}

/// Some rows of a, of so many words, with zeros to the end of the last step.
#[inline(always)]
fn quantized<'r>(a: &Rows<'_>, rows: Range<usize>, words: usize, room: &'r mut Lines<u32>) -> Quantized<'r> {
    let stride = stride_of(words);
    let room = &mut room.grown(rows.len().next_multiple_of(SIDE) * stride)[..];
    let mut units = [0.0; ROWS];
    for ((r, to), unit) in rows.zip(room.chunks_exact_mut(stride)).zip(&mut units) {
        to[words..].fill(0);
        // SAFETY: the body was entered for all of the 512-bit tier.
        *unit = unsafe { quantize::native(a.row(r), to) };
    }
    Quantized { words: room, stride, units }
}

impl Product<'_> {
    #[inline(always)]
    fn rows<S: Simd>(
        &mut self,
        simd: S,
        tiles: &Tiles,
        a: Quantized<'_>,
        rows: Range<usize>,
        columns: Range<usize>,
        sums: &mut Sums,
    ) {
        let panels = &self.b.panels;
        let steps = panels.steps.div_ceil(SIDE);
        assert!(a.stride >= steps * SIDE && a.words.len() >= rows.len().next_multiple_of(SIDE) * a.stride);
        let mut start = columns.start;
        while start < columns.end {
            let shape = Shape::of(rows.len(), columns.end - start);
            let width = panels.width(start);
            // The last step may reach beyond a panel: what it finds there meets zeros of a.
            let b = &panels.data.words()[start * panels.steps..];
            let further = (shape.columns() / width).max(1) - 1;
            assert!(b.len() >= (further * panels.steps + steps * SIDE) * width);
            let factors = Factors {
                a: a.words.as_ptr(),
                a_row: a.stride,
                b: b.as_ptr(),
                b_word: width,
                b_next: panels.steps * width,
                steps,
            };
            let to = Place { at: sums.words.as_mut_ptr(), row: STRIDE };
            // SAFETY: a holds whole tiles of rows and b the shape's columns, as was just checked.
            unsafe { multiply::bytes(tiles, shape, Operands { factors, from: None, to }) };
            let units = Units { rows: &a.units, columns: &self.b.scales[start..], offsets: &self.b.offsets[start..] };
            let end = columns.end.min(start + shape.columns());
            for r in 0..rows.len() {
                // SAFETY: the body was entered for AVX-512.
                unsafe { scale(&mut sums.words[r * STRIDE..][..shape.columns()], units, r) };
            }
            match self.epilogue {
                Epilogue::None => {}
                Epilogue::Accumulate => ending::add(simd, &self.c, rows.clone(), start..end, sums),
                Epilogue::Bias(bias) | Epilogue::BiasRelu(bias) | Epilogue::BiasResidual { bias, .. } => {
                    ending::add_bias(simd, &bias[start..end], rows.len(), sums);
                }
            }
            ending::store(simd, sums, &mut self.c, rows.clone(), start..end, self.epilogue);
            start = end;
        }
    }
}

/// A row of i32 sums becomes one of f32 outputs, as [`crate::gemm::int8`] makes them.
///
/// # Safety
/// The CPU has AVX-512 F.
#[inline(always)]
unsafe fn scale(sums: &mut [u32], units: Units<'_>, r: usize) {
    use std::arch::x86_64::*;
    let (sums, _) = sums.as_chunks_mut::<SIDE>();
    let (columns, offsets) = (units.columns.as_chunks::<SIDE>().0, units.offsets.as_chunks::<SIDE>().0);
    for ((sums, columns), offsets) in sums.iter_mut().zip(columns).zip(offsets) {
        // SAFETY: sixteen words each.
        unsafe {
            let unit = _mm512_mul_ps(_mm512_set1_ps(units.rows[r]), _mm512_loadu_ps(columns.as_ptr()));
            let sum =
                _mm512_sub_epi32(_mm512_loadu_si512(sums.as_ptr().cast()), _mm512_loadu_si512(offsets.as_ptr().cast()));
            let y = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), unit);
            _mm512_storeu_ps(sums.as_mut_ptr().cast(), y);
        }
    }
}
