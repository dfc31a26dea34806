//! Sums of tiles to and from c, through vectors.

use super::{STRIDE, Sums};
use crate::gemm::epilogue::{Epilogue, begin, finish};
use crate::gemm::micro::NV;
use crate::RowsMut;
use pulp::Simd;
use std::ops::Range;

/// sums = what c holds.
#[inline(always)]
pub fn load<S: Simd>(simd: S, c: &RowsMut<'_>, rows: Range<usize>, columns: Range<usize>, sums: &mut Sums) {
    for (r, row) in rows.enumerate() {
        for (at, part) in parts::<S>(columns.clone()) {
            let mut acc = [[simd.splat_f32s(0.0); NV]];
            begin(simd, &mut acc, c, row, part);
            let to: &mut [f32] = bytemuck::cast_slice_mut(&mut sums.0[r * STRIDE + at..][..NV * S::F32_LANES]);
            S::as_mut_simd_f32s(to).0.copy_from_slice(&acc[0]);
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
            let to: &mut [f32] = bytemuck::cast_slice_mut(&mut sums.0[r * STRIDE + at..][..NV * S::F32_LANES]);
            for (to, held) in S::as_mut_simd_f32s(to).0.iter_mut().zip(held[0]) {
                *to = simd.add_f32s(*to, held);
            }
        }
    }
}

/// Writes sums to c, after what the epilogue adds.
#[inline(always)]
pub fn store<S: Simd>(
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
            r += match rows.len() - r {
                8.. => store_rows::<S, 8>(simd, sums, r, at, c, rows.start + r, part.clone(), epilogue),
                _ => store_rows::<S, 1>(simd, sums, r, at, c, rows.start + r, part.clone(), epilogue),
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

#[inline(always)]
fn store_rows<S: Simd, const MR: usize>(
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
        let from: &[f32] = bytemuck::cast_slice(&sums.0[(r + i) * STRIDE + at..][..NV * S::F32_LANES]);
        acc.copy_from_slice(S::as_simd_f32s(from).0);
    }
    finish(simd, &acc, c, row, columns, epilogue);
    MR
}
