//! c = a b in bf16, rows of a rounded as they come.

use super::ending::{Part, product_into};
use super::multiply::{Factors, Shape};
use super::{ROOM, ROWS, SIDE, Sums, Tiles, stride_of};
use crate::gemm::bf16::native;
use crate::gemm::drive::Blocking;
use crate::gemm::epilogue::Epilogue;
use crate::gemm::micro::NV;
use crate::gemm::packed::Panels;
use crate::lines::Lines;
use crate::{Rows, RowsMut};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Words of a that are multiplied with a panel before the next one: 24 KiB, half of the first-level cache of processors that have tiles.
const GROUP: usize = 6 << 10;

/// A product whose panels hold whole steps of words.
pub struct Product<'a> {
    pub a: Rows<'a>,
    pub b: &'a Panels<u32>,
    pub c: RowsMut<'a>,
    pub epilogue: Epilogue<'a>,
    pub blocking: Blocking,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        // SAFETY: the body was entered for tiles.
        let tiles = unsafe { Tiles::configure(self.a.rows) };
        let mut sums = Sums::ZEROS;
        let (words, n) = (self.b.steps, self.b.n);
        let columns = self.blocking.n.next_multiple_of(NV * S::F32_LANES);
        // Whole steps, so that a sum has the same bits whatever the blocks.
        let block = self.blocking.k.next_multiple_of(SIDE);
        let blocks = words.div_ceil(block).max(1);
        let mut room = ROOM.take();
        for n0 in (0..n).step_by(columns) {
            let columns = n0..n.min(n0 + columns);
            for i in 0..blocks {
                let words = i * block..words.min((i + 1) * block);
                let part = Part { first: i == 0, last: i + 1 == blocks, epilogue: self.epilogue };
                let group = group(words.len());
                for row in (0..self.a.rows).step_by(group) {
                    let rows = row..self.a.rows.min(row + group);
                    let (a, a_row) = round(&self.a, rows.clone(), words.clone(), &mut room);
                    self.rows(simd, &tiles, (a, a_row), rows, words.clone(), columns.clone(), part, &mut sums);
                }
            }
        }
        ROOM.set(room);
    }
}

/// Rows that visit a panel one after another, so that they and the panel stay in the first-level cache.
fn group(words: usize) -> usize {
    (GROUP / words.max(1)).max(ROWS) / ROWS * ROWS
}

/// Some words of some rows of a; zeros beyond the rows' ends. As many rows as whole tiles have lie there; what those further hold is seen
/// by no row of c.
#[inline(always)]
fn round<'r>(a: &Rows<'_>, rows: Range<usize>, words: Range<usize>, room: &'r mut Lines<u32>) -> (&'r [u32], usize) {
    let stride = stride_of(words.len());
    let values = a.cols.min(2 * words.start)..a.cols.min(2 * words.end);
    let room = &mut room.grown(rows.len().next_multiple_of(SIDE) * stride)[..];
    for (r, to) in rows.zip(room.chunks_exact_mut(stride)) {
        // SAFETY: the body was entered for BF16, and the stride is whole vectors.
        unsafe { native::pair_row(&a.row(r)[values.clone()], to) };
        // `pair_row` writes whole vectors, and a step is one.
        debug_assert!(values.len().div_ceil(2 * SIDE) * SIDE == words.len());
    }
    (room, stride)
}

impl Product<'_> {
    #[inline(always)]
    fn rows<S: Simd>(
        &mut self,
        simd: S,
        tiles: &Tiles,
        (a, a_row): (&[u32], usize),
        rows: Range<usize>,
        words: Range<usize>,
        columns: Range<usize>,
        part: Part<'_>,
        sums: &mut Sums,
    ) {
        let steps = words.len() / SIDE;
        assert!(words.len().is_multiple_of(SIDE) && a_row >= words.len());
        assert!(a.len() >= rows.len().next_multiple_of(SIDE) * a_row);
        let mut start = columns.start;
        while start < columns.end {
            let most = Shape::of(rows.len(), columns.end - start).columns();
            let width = self.b.width(start);
            let b = self.b.panels(start, (most / width).max(1), words.clone());
            let end = columns.end.min(start + most);
            for row in rows.clone().step_by(ROWS) {
                let visiting = row..rows.end.min(row + ROWS);
                let shape = Shape::of(visiting.len(), end - start);
                let a = a[(row - rows.start) * a_row..].as_ptr();
                let f = Factors { a, a_row, b: b.as_ptr(), b_word: width, b_next: self.b.steps * width, steps };
                // SAFETY: a holds whole tiles of rows, as was just checked, and b the shape's columns: a panel is as wide as one or two tiles,
                // and only one that is narrow has no more than 16 columns left.
                unsafe { product_into(simd, tiles, shape, f, &mut self.c, visiting, start..end, part, sums) };
            }
            start = end;
        }
    }
}
