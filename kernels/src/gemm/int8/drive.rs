//! c = a b over tiles of rows and panels of columns, the rows of a quantised as they come.

use super::multiply::{Units, plain, scaled};
use super::{Bytes, quantize};
use crate::gemm::epilogue::{Epilogue, finish};
use crate::gemm::micro::{NV, Operands, load, most_panels, panels_at_once};
#[cfg(target_arch = "x86_64")]
use crate::gemm::tiles;
use crate::{Isa, Rows, RowsMut, Tier};
use pulp::{Simd, WithSimd};
use std::cell::RefCell;

/// Rows of a tile at most.
const TALL: usize = 8;

/// Words of b whose columns all rows visit before the next ones: half of a second-level cache of 1 MiB.
const BLOCK: usize = 128 << 10;

/// Columns of such a block, whole panels of a tier of so many lanes.
pub fn block_columns(steps: usize, lanes: usize) -> usize {
    (BLOCK / steps.max(1)).max(1).next_multiple_of(NV * lanes)
}

/// Rows from which on tiles take less time than vectors: on Granite Rapids 8 x 480 x 160 run at 754 GOP/s for 580, 6 x 480 x 160 at 488 by either.
/// Sums are exact, so either gives the same bits.
#[cfg(target_arch = "x86_64")]
const TILED_ROWS: usize = 8;

/// The same for words of k: tiles take 16 at a time, so that 20, of 80 values, leave most of the second step idle (8 x 80 x 80: 229 GOP/s for 334).
#[cfg(target_arch = "x86_64")]
const TILED_WORDS: usize = 32;

thread_local! {
    /// A tile of a in words.
    static TILE: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// c = epilogue(a b). Shapes have been checked.
pub fn product(isa: Isa, a: Rows<'_>, b: &Bytes, c: RowsMut<'_>, epilogue: Epilogue<'_>) {
    match isa.tier() {
        #[cfg(target_arch = "x86_64")]
        Tier::Amx if a.rows >= TILED_ROWS && b.panels.steps >= TILED_WORDS => {
            isa.vectorize_tiles(tiles::bytes::Product { a, b, c, epilogue })
        }
        #[cfg(target_arch = "x86_64")]
        Tier::Avx512 | Tier::Amx if isa.has_vnni() => isa.vectorize_vnni(Product::<true> { a, b, c, epilogue }),
        Tier::Amx | Tier::Avx512 | Tier::Avx2 | Tier::Scalar => isa.vectorize(Product::<false> { a, b, c, epilogue }),
    }
}

/// VNNI: whether the body is entered for it.
struct Product<'a, const VNNI: bool> {
    a: Rows<'a>,
    b: &'a Bytes,
    c: RowsMut<'a>,
    epilogue: Epilogue<'a>,
}

impl<const VNNI: bool> WithSimd for Product<'_, VNNI> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let (m, n) = (self.a.rows, self.b.panels.n);
        let columns = block_columns(self.b.panels.steps, S::F32_LANES);
        // Taken out rather than borrowed in a closure, which would not be compiled for this tier.
        let mut room = TILE.take();
        for n0 in (0..n).step_by(columns) {
            let columns = n0..n.min(n0 + columns);
            let mut row = 0;
            while row < m {
                // Each height is its own instance, so that accumulators stay in registers.
                row += match m - row {
                    TALL.. => self.rows::<S, TALL>(simd, row, columns.clone(), &mut room),
                    4.. => self.rows::<S, 4>(simd, row, columns.clone(), &mut room),
                    3 => self.rows::<S, 3>(simd, row, columns.clone(), &mut room),
                    2 => self.rows::<S, 2>(simd, row, columns.clone(), &mut room),
                    _ => self.rows::<S, 1>(simd, row, columns.clone(), &mut room),
                };
            }
        }
        TILE.set(room);
    }
}

impl<const VNNI: bool> Product<'_, VNNI> {
    /// Rows `row..row + MR` of some columns; returns MR.
    #[inline(always)]
    fn rows<S: Simd, const MR: usize>(
        &mut self,
        simd: S,
        row: usize,
        columns: std::ops::Range<usize>,
        room: &mut Vec<u32>,
    ) -> usize {
        let panels = &self.b.panels;
        let steps = panels.steps;
        // One line more, so that rows do not fall into the same sets of the first-level cache.
        let stride = steps.next_multiple_of(16) + 16;
        room.resize(MR * stride, 0);
        let mut units = [0.0; MR];
        for (r, unit) in units.iter_mut().enumerate() {
            let (row, to) = (self.a.row(row + r), &mut room[r * stride..][..steps]);
            *unit = if const { VNNI } {
                // SAFETY: the body was entered for VNNI, with all of the 512-bit tier.
                #[cfg(target_arch = "x86_64")]
                unsafe {
                    quantize::native(row, to)
                }
                #[cfg(not(target_arch = "x86_64"))]
                unreachable!("VNNI is x86's")
            } else {
                quantize::plain(row, to)
            };
        }
        let mut start = columns.start;
        while start < columns.end {
            let whole = (columns.end - start) / (NV * S::F32_LANES);
            // Without the instruction sums are in memory anyway.
            let most = const { if VNNI { most_panels(S::REGISTER_COUNT, MR) } else { 1 } };
            let count = panels_at_once(most, whole);
            let width = panels.width(start);
            let b = panels.panels(start, count, 0..steps);
            assert!(room.len() >= (MR - 1) * stride + steps);
            let b_panel = steps * width;
            let o = Operands { a: room.as_ptr(), a_row: stride, a_k: 1, b: b.as_ptr(), b_k: width, b_panel, k: steps };
            let units = Units { rows: &units, columns: &self.b.scales[start..], offsets: &self.b.offsets[start..] };
            let end = columns.end.min(start + count * width);
            match count {
                5 if const { VNNI && MR == 1 } => {
                    self.tile::<S, MR, { 5 * NV }>(simd, o, (room, b), units, row, start..end)
                }
                4 if const { VNNI && MR == 1 } => {
                    self.tile::<S, MR, { 4 * NV }>(simd, o, (room, b), units, row, start..end)
                }
                3 if const { VNNI && MR <= 4 } => {
                    self.tile::<S, MR, { 3 * NV }>(simd, o, (room, b), units, row, start..end)
                }
                2 if const { VNNI && MR <= 4 } => {
                    self.tile::<S, MR, { 2 * NV }>(simd, o, (room, b), units, row, start..end)
                }
                1 if width == NV * S::F32_LANES => self.tile::<S, MR, NV>(simd, o, (room, b), units, row, start..end),
                1 => self.tile::<S, MR, 1>(simd, o, (room, b), units, row, start..end),
                other => unreachable!("no tile of {MR} rows takes {other} panels"),
            }
            start = end;
        }
        MR
    }

    #[inline(always)]
    fn tile<S: Simd, const MR: usize, const V: usize>(
        &mut self,
        simd: S,
        o: Operands<u32>,
        (a, b): (&[u32], &[u32]),
        units: Units<'_>,
        row: usize,
        columns: std::ops::Range<usize>,
    ) {
        let mut y = [[simd.splat_f32s(0.0); V]; MR];
        if const { VNNI } {
            // SAFETY: the body was entered for VNNI; `rows` checked a, cut b to whole panels of its steps, and has made units for whole panels.
            #[cfg(target_arch = "x86_64")]
            unsafe {
                super::multiply::native::<S, MR, V>(o, units, &mut y);
            }
            #[cfg(not(target_arch = "x86_64"))]
            unreachable!("VNNI is x86's")
        } else {
            match V * S::F32_LANES {
                1 if const { V * S::F32_LANES == 1 } => by_parts::<S, MR, V, 1>(simd, a, o.a_row, b, units, &mut y),
                2 if const { V * S::F32_LANES == 2 } => by_parts::<S, MR, V, 2>(simd, a, o.a_row, b, units, &mut y),
                8 if const { V * S::F32_LANES == 8 } => by_parts::<S, MR, V, 8>(simd, a, o.a_row, b, units, &mut y),
                16 if const { V * S::F32_LANES == 16 } => by_parts::<S, MR, V, 16>(simd, a, o.a_row, b, units, &mut y),
                32 if const { V * S::F32_LANES == 32 } => by_parts::<S, MR, V, 32>(simd, a, o.a_row, b, units, &mut y),
                other => unreachable!("no tier has tiles of {other} columns without the instruction"),
            }
        };
        if let Epilogue::Accumulate = self.epilogue {
            for (r, y) in y.iter_mut().enumerate() {
                let from = &self.c.row(row + r)[columns.clone()];
                for (v, y) in y.iter_mut().enumerate() {
                    *y = simd.add_f32s(*y, load(simd, from, v));
                }
            }
        }
        finish(simd, &y, &mut self.c, row, columns, self.epilogue);
    }
}

/// A tile without the instruction, W columns wide.
#[inline(always)]
fn by_parts<S: Simd, const MR: usize, const V: usize, const W: usize>(
    simd: S,
    a: &[u32],
    a_row: usize,
    b: &[u32],
    units: Units<'_>,
    y: &mut [[S::f32s; V]; MR],
) {
    let mut sums = [[0; W]; MR];
    plain(a, a_row, b, &mut sums);
    let rows = scaled(&sums, units);
    for (y, row) in y.iter_mut().zip(&rows) {
        for (v, y) in y.iter_mut().enumerate() {
            *y = load(simd, row, v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::int8::linear_int8;

    /// Sixteen lanes without the instruction, which no machine with it would enter by itself.
    #[test]
    fn without_the_instruction_the_bits_are_the_same() {
        let value = |i: usize| (i * 7919 % 1000) as f32 / 500.0 - 1.0;
        for isa in Isa::available() {
            for (m, n, k) in [(1, 1, 1), (7, 17, 5), (9, 33, 130), (13, 97, 257)] {
                let a: Vec<f32> = (0..m * k).map(value).collect();
                let w: Vec<f32> = (0..n * k).map(|i| value(i + 3)).collect();
                let mut b = Bytes::empty(isa, k, n);
                b.fill(|column, to| to.copy_from_slice(&w[column * k..][..k]));
                let mut c = vec![f32::NAN; m * n];
                let (a_rows, to) = (Rows::new(&a, m, k), RowsMut::new(&mut c, m, n));
                isa.vectorize(Product::<false> { a: a_rows, b: &b, c: to, epilogue: Epilogue::None });
                assert_eq!(c, linear_int8(&a, &w, k), "{isa:?} [{m}, {n}, {k}]");
            }
        }
    }
}
