//! A head's operands, laid out for whole vectors.

use super::{Places, TILE};
use crate::Rows;
use crate::columns::Columns;
use crate::vectors::first_lanes;
use pulp::{MemMask, Simd};
use std::ops::Range;

/// Sizes of a head of one sequence.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// Channels.
    pub width: usize,
    /// Channels, to whole vectors.
    pub row: usize,
    /// Keys, to whole tiles.
    pub keys: usize,
}

impl Sizes {
    pub(super) fn of(width: usize, keys: usize, lanes: usize) -> Sizes {
        Sizes { width, row: width.next_multiple_of(lanes), keys: keys.next_multiple_of(TILE) }
    }

    /// Values of a transposed operand.
    pub(super) fn tiles(&self) -> usize {
        self.keys * self.width
    }

    /// Channels of head `head` in a row of all heads.
    pub(super) fn columns(&self, head: usize) -> Range<usize> {
        head * self.width..(head + 1) * self.width
    }

    /// Where a transposed operand's tile starts, the tile of key `key`.
    pub(super) fn tile(&self, key: usize) -> usize {
        key * self.width
    }
}

/// to: `[tiles, channels, TILE]` = the head's channels of the rows at `places`; whatever beyond the last.
#[inline(always)]
pub(super) fn transpose<S: Simd>(simd: S, x: &Rows<'_>, places: Places<'_>, head: usize, sizes: Sizes, to: &mut [f32]) {
    let channels = sizes.columns(head);
    for (first, tile) in (0..places.len()).step_by(TILE).zip(to.chunks_exact_mut(TILE * sizes.width)) {
        let count = TILE.min(places.len() - first);
        for v in (0..count).step_by(S::F32_LANES) {
            let columns = Columns::new::<S>(x, S::F32_LANES.min(count - v), |j| places.row(first + v + j));
            let mut c = 0;
            while c + 4 <= sizes.width {
                for (e, column) in columns.four(simd, channels.start + c).into_iter().enumerate() {
                    S::as_mut_simd_f32s(&mut tile[(c + e) * TILE + v..][..S::F32_LANES]).0[0] = column;
                }
                c += 4;
            }
            for c in c..sizes.width {
                let column = columns.one(simd, channels.start + c);
                S::as_mut_simd_f32s(&mut tile[c * TILE + v..][..S::F32_LANES]).0[0] = column;
            }
        }
    }
}

/// to: `[rows, channels to whole vectors]` = factor x the head's channels of the rows at `places`, zeros beyond the last channel.
#[inline(always)]
pub(super) fn pad<S: Simd>(
    simd: S,
    x: &Rows<'_>,
    places: Places<'_>,
    head: usize,
    sizes: Sizes,
    factor: f32,
    to: &mut [f32],
) {
    let (factor, last) = (simd.splat_f32s(factor), last_lanes(simd, sizes));
    for (j, to) in to.chunks_exact_mut(sizes.row).take(places.len()).enumerate() {
        let (to, _) = S::as_mut_simd_f32s(to);
        let row = &x.row(places.row(j))[sizes.columns(head)];
        for (v, to) in to.iter_mut().enumerate() {
            let rest = &row[v * S::F32_LANES..];
            let x = if rest.len() >= S::F32_LANES {
                S::as_simd_f32s(&rest[..S::F32_LANES]).0[0]
            } else {
                // SAFETY: the mask has the lanes of `rest`.
                unsafe { simd.mask_load_ptr_f32s(last, rest.as_ptr()) }
            };
            *to = simd.mul_f32s(x, factor);
        }
    }
}

/// row: `[channels]` = factor x what of the vectors in `from` belongs to it.
#[inline(always)]
pub(super) fn crop<S: Simd>(simd: S, from: &[f32], sizes: Sizes, factor: f32, row: &mut [f32]) {
    let factor = simd.splat_f32s(factor);
    for (v, x) in S::as_simd_f32s(from).0.iter().enumerate() {
        let x = simd.mul_f32s(*x, factor);
        let rest = &mut row[v * S::F32_LANES..];
        if rest.len() >= S::F32_LANES {
            S::as_mut_simd_f32s(&mut rest[..S::F32_LANES]).0[0] = x;
        } else {
            // SAFETY: the mask has the lanes of `rest`, the last of the channels.
            unsafe { simd.mask_store_ptr_f32s(last_lanes(simd, sizes), rest.as_mut_ptr(), x) };
        }
    }
}

/// row: `[channels]` += what of the vectors in `from` belongs to it.
#[inline(always)]
pub(super) fn add<S: Simd>(simd: S, from: &[f32], sizes: Sizes, row: &mut [f32]) {
    for (v, x) in S::as_simd_f32s(from).0.iter().enumerate() {
        let rest = &mut row[v * S::F32_LANES..];
        if rest.len() >= S::F32_LANES {
            let to = &mut S::as_mut_simd_f32s(&mut rest[..S::F32_LANES]).0[0];
            *to = simd.add_f32s(*to, *x);
        } else {
            let last = last_lanes(simd, sizes);
            // SAFETY: the mask has the lanes of `rest`, the last of the channels.
            unsafe {
                let sum = simd.add_f32s(simd.mask_load_ptr_f32s(last, rest.as_ptr()), *x);
                simd.mask_store_ptr_f32s(last, rest.as_mut_ptr(), sum);
            }
        }
    }
}

/// The channels in the last vector of a row.
#[inline(always)]
fn last_lanes<S: Simd>(simd: S, sizes: Sizes) -> MemMask<S::m32s> {
    first_lanes(simd, sizes.width + S::F32_LANES - sizes.row)
}

/// x = x factor.
#[inline(always)]
pub(super) fn scale<S: Simd>(simd: S, x: &mut [f32], factor: f32) {
    for x in S::as_mut_simd_f32s(x).0 {
        *x = simd.mul_f32s(*x, simd.splat_f32s(factor));
    }
}
