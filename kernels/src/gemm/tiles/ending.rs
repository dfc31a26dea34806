//! Where the sums of tiles begin and end: in c itself where whole tiles lie there and nothing is left to do, or in memory of their own.

use super::multiply::{Operands, Place, Shape, bf16};
use super::{SIDE, STRIDE, Sums, Tiles};
use crate::RowsMut;
use crate::gemm::epilogue::{Epilogue, begin, finish, finish_biased};
use crate::gemm::micro::NV;
use pulp::Simd;
use std::ops::Range;

/// Operands of some tiles, without where their sums begin and end.
#[derive(Clone, Copy)]
pub struct Factors {
    pub a: *const u32,
    pub a_row: usize,
    pub b: *const u32,
    pub b_word: usize,
    pub b_next: usize,
    pub steps: usize,
}

/// What of a product is done here.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    /// Whether these are the first steps of k, and the last.
    pub first: bool,
    pub last: bool,
    pub epilogue: Epilogue<'a>,
}

impl<'a> Part<'a> {
    /// All steps of a sum.
    pub fn whole(epilogue: Epilogue<'a>) -> Part<'a> {
        Part { first: true, last: true, epilogue }
    }

    /// Whether vectors have to see the sums.
    fn is_plain(&self) -> bool {
        !self.last || matches!(self.epilogue, Epilogue::None | Epilogue::Accumulate | Epilogue::Bias(_))
    }
}

/// c = a b in bf16 for some rows and columns, with what begins and ends sums. A bias begins them.
///
/// # Safety
/// As of [`bf16`] for the factors; rows and columns are of c, and no more than the shape has.
#[inline(always)]
pub unsafe fn multiply<S: Simd>(
    simd: S,
    tiles: &Tiles,
    shape: Shape,
    f: Factors,
    c: &mut RowsMut<'_>,
    rows: Range<usize>,
    columns: Range<usize>,
    part: Part<'_>,
    sums: &mut Sums,
) {
    let whole = rows.len().is_multiple_of(tiles.rows) && columns.len() == shape.columns();
    let direct = whole && part.is_plain();
    let to = if direct {
        let place = &mut c.data[rows.start * c.stride + columns.start..];
        assert!(place.len() >= (rows.len() - 1) * c.stride + columns.len());
        Place { at: place.as_mut_ptr().cast(), row: c.stride }
    } else {
        Place { at: sums.words.as_mut_ptr(), row: STRIDE }
    };
    let from = if !part.first || matches!(part.epilogue, Epilogue::Accumulate) {
        if !direct {
            load(simd, c, rows.clone(), columns.clone(), sums);
        }
        Some(Place { at: to.at.cast_const(), row: to.row })
    } else if let Epilogue::Bias(bias) | Epilogue::BiasRelu(bias) | Epilogue::BiasResidual { bias, .. } = part.epilogue
    {
        let bias = &bias[columns.clone()];
        let at = if bias.len() == shape.columns() {
            bias.as_ptr()
        } else {
            sums.bias[..bias.len()].copy_from_slice(bias);
            sums.bias.as_ptr()
        };
        Some(Place { at: at.cast(), row: 0 })
    } else {
        None
    };
    let Factors { a, a_row, b, b_word, b_next, steps } = f;
    // SAFETY: factors as the caller vouches. Sums end in c, where whole tiles lie as was just checked, or in memory that holds any shape; they
    // begin there too, or from a row of as many values as the shape has columns.
    unsafe { bf16(tiles, shape, Operands { a, a_row, b, b_word, b_next, steps, from, to }) };
    if !direct {
        let epilogue = if part.last { part.epilogue } else { Epilogue::None };
        store::<S, true>(simd, sums, c, rows, columns, epilogue);
    }
}

/// sums = what c holds.
#[inline(always)]
fn load<S: Simd>(simd: S, c: &RowsMut<'_>, rows: Range<usize>, columns: Range<usize>, sums: &mut Sums) {
    for (r, row) in rows.enumerate() {
        for (at, part) in parts::<S>(columns.clone()) {
            let mut acc = [[simd.splat_f32s(0.0); NV]];
            begin(simd, &mut acc, c, row, part);
            sums.vectors_mut::<S>(r, at).copy_from_slice(&acc[0]);
        }
    }
}

/// sums += what c holds.
#[inline(always)]
pub fn add<S: Simd>(simd: S, c: &RowsMut<'_>, rows: Range<usize>, columns: Range<usize>, sums: &mut Sums) {
    for (r, row) in rows.enumerate() {
        for (at, part) in parts::<S>(columns.clone()) {
            let mut held = [[simd.splat_f32s(0.0); NV]];
            begin(simd, &mut held, c, row, part);
            for (to, held) in sums.vectors_mut::<S>(r, at).iter_mut().zip(held[0]) {
                *to = simd.add_f32s(*to, held);
            }
        }
    }
}

/// Writes sums to c, after what the epilogue adds; but for the bias where they began from it.
#[inline(always)]
pub fn store<S: Simd, const BIASED: bool>(
    simd: S,
    sums: &Sums,
    c: &mut RowsMut<'_>,
    rows: Range<usize>,
    columns: Range<usize>,
    epilogue: Epilogue<'_>,
) {
    for (at, part) in parts::<S>(columns) {
        let mut r = 0;
        while r < rows.len() {
            let (row, part) = (rows.start + r, part.clone());
            r += match rows.len() - r {
                8.. => store_rows::<S, BIASED, 8>(simd, sums, r, at, c, row, part, epilogue),
                _ => store_rows::<S, BIASED, 1>(simd, sums, r, at, c, row, part, epilogue),
            };
        }
    }
}

/// Runs of columns as wide as a panel, or shorter at the end, each with its place among sums.
#[inline(always)]
fn parts<S: Simd>(columns: Range<usize>) -> impl Iterator<Item = (usize, Range<usize>)> {
    let width = NV * S::F32_LANES;
    (0..columns.len()).step_by(width).map(move |at| {
        let start = columns.start + at;
        (at, start..columns.end.min(start + width))
    })
}

/// Some rows of one such run; returns how many.
#[inline(always)]
fn store_rows<S: Simd, const BIASED: bool, const MR: usize>(
    simd: S,
    sums: &Sums,
    r: usize,
    at: usize,
    c: &mut RowsMut<'_>,
    row: usize,
    columns: Range<usize>,
    epilogue: Epilogue<'_>,
) -> usize {
    let mut acc = [[simd.splat_f32s(0.0); NV]; MR];
    for (i, acc) in acc.iter_mut().enumerate() {
        acc.copy_from_slice(sums.vectors::<S>(r + i, at));
    }
    if const { BIASED } {
        finish_biased(simd, &acc, c, row, columns, epilogue);
    } else {
        finish(simd, &acc, c, row, columns, epilogue);
    }
    MR
}

impl Sums {
    /// A panel's columns of a row.
    #[inline(always)]
    fn vectors<S: Simd>(&self, r: usize, at: usize) -> &[S::f32s] {
        S::as_simd_f32s(bytemuck::cast_slice(&self.words[r * STRIDE + at..][..NV * SIDE])).0
    }

    /// The same, to write.
    #[inline(always)]
    fn vectors_mut<S: Simd>(&mut self, r: usize, at: usize) -> &mut [S::f32s] {
        S::as_mut_simd_f32s(bytemuck::cast_slice_mut(&mut self.words[r * STRIDE + at..][..NV * SIDE])).0
    }
}
