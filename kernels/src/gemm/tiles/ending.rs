//! Where the sums of tiles begin and end: in c itself where whole tiles lie there and nothing is left to do, or in memory of their own.

use super::multiply::{Factors, Operands, Place, Shape, bf16};
use super::{ROWS, SIDE, STRIDE, Sums, Tiles};
use crate::RowsMut;
use crate::gemm::epilogue::{Epilogue, begin, finish_biased};
use crate::gemm::micro::{NV, load as load_vector};
use pulp::Simd;
use std::ops::Range;

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

    /// Whether nothing is left to do to sums once they are made.
    fn is_plain(&self) -> bool {
        !self.last || matches!(self.epilogue, Epilogue::None | Epilogue::Accumulate | Epilogue::Bias(_))
    }
}

/// c = a b in bf16 for some rows and columns, with what begins and ends sums. A bias begins them.
///
/// # Safety
/// As of [`bf16`] for the factors and the shape; rows and columns are of c, and no more than the shape has.
#[inline(always)]
pub unsafe fn product_into<S: Simd>(
    simd: S,
    tiles: &Tiles,
    shape: Shape,
    factors: Factors,
    c: &mut RowsMut<'_>,
    rows: Range<usize>,
    columns: Range<usize>,
    part: Part<'_>,
    sums: &mut Sums,
) {
    let all = if shape.is_tall() { ROWS } else { tiles.rows };
    let direct = part.is_plain() && (rows.len(), columns.len()) == (all, shape.columns());
    let continued = !part.first || matches!(part.epilogue, Epilogue::Accumulate);
    let to = if direct {
        let place = &mut c.data[rows.start * c.stride + columns.start..];
        assert!(place.len() >= (all - 1) * c.stride + columns.len());
        Place { at: place.as_mut_ptr().cast(), row: c.stride }
    } else {
        if continued {
            load(simd, c, rows.clone(), columns.clone(), &mut sums.words);
        }
        Place { at: sums.words.as_mut_ptr(), row: STRIDE }
    };
    let from = if continued {
        Some(Place { at: to.at.cast_const(), row: to.row })
    } else if let Epilogue::Bias(bias) | Epilogue::BiasRelu(bias) | Epilogue::BiasResidual { bias, .. } = part.epilogue
    {
        let mut bias = &bias[columns.clone()];
        if bias.len() < shape.columns() {
            sums.bias[..bias.len()].copy_from_slice(bias);
            bias = &sums.bias;
        }
        Some(Place { at: bias.as_ptr().cast(), row: 0 })
    } else {
        None
    };
    // SAFETY: factors as the caller vouches. Sums end in c, where all of the shape's rows and columns lie as was just checked, or in memory that
    // holds any shape; they begin there too, or from a row of as many values as the shape has columns.
    unsafe { bf16(tiles, shape, Operands { factors, from, to }) };
    if !direct {
        let epilogue = if part.last { part.epilogue } else { Epilogue::None };
        store(simd, sums, c, rows, columns, epilogue);
    }
}

/// words: `[rows, STRIDE]` = what c holds.
#[inline(always)]
fn load<S: Simd>(simd: S, c: &RowsMut<'_>, rows: Range<usize>, columns: Range<usize>, words: &mut [u32]) {
    for (r, row) in rows.enumerate() {
        for (at, part) in parts::<S>(columns.clone()) {
            vectors_mut::<S>(words, r, at).copy_from_slice(&held(simd, c, row, part));
        }
    }
}

/// sums += what c holds.
#[inline(always)]
pub fn add<S: Simd>(simd: S, c: &RowsMut<'_>, rows: Range<usize>, columns: Range<usize>, sums: &mut Sums) {
    for (r, row) in rows.enumerate() {
        for (at, part) in parts::<S>(columns.clone()) {
            let held = held(simd, c, row, part);
            for (to, held) in vectors_mut::<S>(&mut sums.words, r, at).iter_mut().zip(held) {
                *to = simd.add_f32s(*to, held);
            }
        }
    }
}

/// sums += the bias of their columns, in each of some rows.
#[inline(always)]
pub fn add_bias<S: Simd>(simd: S, bias: &[f32], rows: usize, sums: &mut Sums) {
    for r in 0..rows {
        for (at, part) in parts::<S>(0..bias.len()) {
            for (v, to) in vectors_mut::<S>(&mut sums.words, r, at).iter_mut().enumerate() {
                *to = simd.add_f32s(*to, load_vector(simd, &bias[part.clone()], v));
            }
        }
    }
}

/// A panel's columns of a row of c.
#[inline(always)]
fn held<S: Simd>(simd: S, c: &RowsMut<'_>, row: usize, columns: Range<usize>) -> [S::f32s; NV] {
    let mut held = [[simd.splat_f32s(0.0); NV]];
    begin(simd, &mut held, c, row, columns);
    held[0]
}

/// Rows that are written at once.
const TALL: usize = 8;

/// Writes sums, which hold their bias already, to c, after what else the epilogue does.
#[inline(always)]
pub fn store<S: Simd>(
    simd: S,
    sums: &Sums,
    c: &mut RowsMut<'_>,
    rows: Range<usize>,
    columns: Range<usize>,
    epilogue: Epilogue<'_>,
) {
    for (at, columns) in parts::<S>(columns) {
        let mut r = 0;
        while r < rows.len() {
            let row = rows.start + r;
            if rows.len() - r >= TALL {
                finish_biased(simd, &some::<S, TALL>(simd, sums, r, at), c, row, columns.clone(), epilogue);
                r += TALL;
            } else {
                finish_biased(simd, &some::<S, 1>(simd, sums, r, at), c, row, columns.clone(), epilogue);
                r += 1;
            }
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

/// A panel's columns of the R rows of sums from `r` on.
#[inline(always)]
fn some<S: Simd, const R: usize>(simd: S, sums: &Sums, r: usize, at: usize) -> [[S::f32s; NV]; R] {
    let mut acc = [[simd.splat_f32s(0.0); NV]; R];
    for (i, acc) in acc.iter_mut().enumerate() {
        let row = &sums.words[(r + i) * STRIDE + at..][..NV * SIDE];
        acc.copy_from_slice(S::as_simd_f32s(bytemuck::cast_slice(row)).0);
    }
    acc
}

/// A panel's columns of a row, to write.
#[inline(always)]
fn vectors_mut<S: Simd>(words: &mut [u32], r: usize, at: usize) -> &mut [S::f32s] {
    S::as_mut_simd_f32s(bytemuck::cast_slice_mut(&mut words[r * STRIDE + at..][..NV * SIDE])).0
}
