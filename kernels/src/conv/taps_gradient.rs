//! The gradient of taps of each token's own: inner products of a token's dy with the rows of x that its taps read.
//!
//! For R tokens at a time they are a product of dy with x transposed, over the few rows that any of the tokens reads: R rows of sums, of
//! which each token keeps those it reads. A row of x transposed is loaded once for R tokens; taps by taps it would be once each, across lines.

use super::ConvShape;
use crate::product::{Begin, Scalars, Vectors, product};
use crate::scratch::{LINE, carve};
use crate::vectors::{store_first, transpose_rows, vectors};
use crate::{Rows, RowsMut};
use pulp::{MemMask, Simd};

/// Tokens at a time: with two vectors, 16 accumulators.
const R: usize = 8;

/// Values of scratch for the longest sequence in the widest vectors.
pub(super) fn room(shape: &ConvShape, longest: usize) -> usize {
    let (across, sums) = sizes(shape, longest, LINE);
    shape.head_channels() * across + R * sums + 2 * LINE
}

/// Values of a channel's row in x transposed, and of a token's row of sums.
fn sizes(shape: &ConvShape, len: usize, lanes: usize) -> (usize, usize) {
    // A window may start at any row and end a vector beyond the last.
    ((len + lanes).next_multiple_of(LINE), (shape.kernel + R - 1).min(len).next_multiple_of(lanes))
}

/// dtaps of a sequence, whose rows `ends` bound. dtaps: `[tokens, heads * kernel]`, 0 where a tap falls outside.
#[inline(always)]
pub(super) fn taps_gradient<S: Simd>(
    simd: S,
    shape: &ConvShape,
    ends: [usize; 2],
    x: Rows<'_>,
    dy: Rows<'_>,
    mut dtaps: RowsMut<'_>,
    scratch: &mut [f32],
) {
    let (start, len, width) = (ends[0], ends[1] - ends[0], shape.head_channels());
    let (across, sums) = sizes(shape, len, S::F32_LANES);
    let mut room = scratch;
    let transposed = carve(&mut room, width * across);
    let block = carve(&mut room, R * sums);
    for head in 0..shape.heads {
        let columns = head * width..(head + 1) * width;
        transpose_rows(|s| &x.row(start + s)[columns.clone()], len, width, transposed, across);
        let mut t = 0;
        while t < len {
            // The last block goes back to have all its tokens, and makes some of them again.
            let rows = if len >= R { R } else { 1 };
            t = t.min(len - rows);
            let begin = t.saturating_sub(shape.left);
            let end = len.min(t + rows + shape.kernel - 1 - shape.left);
            let a = Scalars { data: &dy.data[(start + t) * dy.stride + columns.start..], strides: [dy.stride, 1] };
            let b = Vectors { data: &transposed[begin..], stride: across };
            let out = Vectors { data: &mut *block, stride: sums };
            let count = vectors::<S>(end - begin);
            if rows == R {
                product::<S, R>(simd, a, b, width, count, out, Begin::Zero);
            } else {
                product::<S, 1>(simd, a, b, width, count, out, Begin::Zero);
            }
            for (r, sums) in block.chunks_exact(sums).enumerate().take(rows) {
                let dtaps = &mut dtaps.row_mut(start + t + r)[head * shape.kernel..][..shape.kernel];
                keep(simd, shape, len, t + r, &sums[..count * S::F32_LANES], begin, dtaps);
            }
            t += rows;
        }
    }
}

/// dtaps[k] = the sum of row t + k - left, 0 where there is no such row. `sums` starts with that of row `begin`.
#[inline(always)]
fn keep<S: Simd>(simd: S, shape: &ConvShape, len: usize, t: usize, sums: &[f32], begin: usize, dtaps: &mut [f32]) {
    let lanes = S::F32_LANES;
    // Taps that fall inside.
    let (first, end) = (shape.left.saturating_sub(t), shape.kernel.min(len + shape.left - t));
    assert!(t + first >= shape.left + begin && t + end <= shape.left + begin + sums.len(), "sums of all that t reads");
    for (v, dtaps) in dtaps.chunks_mut(lanes).enumerate() {
        let (low, high) = (first.saturating_sub(v * lanes), end.saturating_sub(v * lanes).min(lanes));
        let mask =
            if low < high { simd.mask_between_m32s(low as u32, high as u32) } else { simd.mask_between_m32s(0, 0) };
        let from = sums.as_ptr().wrapping_add(t + v * lanes).wrapping_sub(shape.left + begin);
        // SAFETY: as asserted, taps inside have their sums; the other lanes are masked off, and zero.
        let kept = unsafe { simd.mask_load_ptr_f32s(MemMask::new(mask.mask()), from) };
        store_first(simd, dtaps, kept);
    }
}
