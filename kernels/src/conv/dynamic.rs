//! Taps of each token's own.
//!
//! Head by head, R tokens at a time. With every token's taps between zeros, the tap that output t gives to input s lies a step further
//! for the next s and a row less a step further for the next t: the output is a product of that band with the rows of x, read where
//! they lie by the micro-kernel of the matrix product, and so is the gradient of x, the roles of t and s exchanged. The gradient of a
//! token's taps is R inner products with x transposed, a vector of taps at a time.

use super::{ConvShape, count_work};
use crate::product::{Begin, Scalars, Vectors, product};
use crate::scratch::{LINE, carve, with_scratch};
use crate::vectors::{crop_row, pad_row, store_first, transpose_rows, vectors};
use crate::{Isa, Rows, RowsMut, trace};
use pulp::{Simd, WithSimd};

/// x, y: `[tokens, channels]`, taps: `[tokens, heads * kernel]`, after their softmax and dropout.
pub fn dynamic_conv(isa: Isa, shape: &ConvShape, offsets: &[usize], x: Rows<'_>, taps: &[f32], y: RowsMut<'_>) {
    let _span = trace::kernel("dynamic_conv", [x.rows, shape.kernel, shape.channels]);
    shape.check(offsets, &x);
    assert_eq!((y.rows, y.cols), (x.rows, x.cols), "shape of y");
    let taps = Rows::new(taps, x.rows, shape.heads * shape.kernel);
    count_work(shape, offsets);
    with_scratch(room(shape, offsets), |scratch| {
        isa.vectorize(Forward { shape, offsets, x, taps, y, scratch });
    });
}

/// dx and dtaps = the gradients. dy, dx: `[tokens, channels]`, dtaps: `[tokens, heads * kernel]`, 0 where a tap falls outside.
pub fn dynamic_conv_backward(
    isa: Isa,
    shape: &ConvShape,
    offsets: &[usize],
    x: Rows<'_>,
    taps: &[f32],
    dy: Rows<'_>,
    dx: RowsMut<'_>,
    dtaps: &mut [f32],
) {
    let _span = trace::kernel("dynamic_conv_backward", [x.rows, shape.kernel, shape.channels])
        .multiply_adds(|| 2 * shape.multiply_adds_of(offsets));
    shape.check(offsets, &x);
    assert_eq!((dy.rows, dy.cols), (x.rows, x.cols), "shape of dy");
    assert_eq!((dx.rows, dx.cols), (x.rows, x.cols), "shape of dx");
    let taps = Rows::new(taps, x.rows, shape.heads * shape.kernel);
    let dtaps = RowsMut::new(dtaps, x.rows, shape.heads * shape.kernel);
    with_scratch(room(shape, offsets), |scratch| {
        isa.vectorize(Backward { shape, offsets, x, taps, dy, dx, dtaps, scratch });
    });
}

/// Tokens whose outputs stay in registers together: with 2 vectors of channels, 8 chains of FMAs.
const R: usize = 4;
/// Zeros on either side of a token's taps: outputs of a block lie at most R - 1 apart.
const PAD: usize = R - 1;

/// Sizes of the parts of the scratch.
struct Sizes {
    /// Values from one token's padded taps to the next one's.
    taps: usize,
    /// Values of a head's row, whole vectors.
    row: usize,
    /// Values of a channel's row in x transposed.
    across: usize,
    /// Tokens, to a multiple of R.
    tokens: usize,
    head_channels: usize,
}

impl Sizes {
    /// For a sequence of `len` tokens.
    fn of(shape: &ConvShape, len: usize, lanes: usize) -> Sizes {
        let tokens = len.next_multiple_of(R);
        Sizes {
            taps: shape.kernel + 2 * PAD,
            row: shape.head_channels().next_multiple_of(lanes),
            // The last token's last vector of taps ends here.
            across: tokens + shape.kernel.next_multiple_of(lanes),
            tokens,
            head_channels: shape.head_channels(),
        }
    }

    /// Values of all parts, each begun on a cache line.
    fn values(&self) -> usize {
        self.tokens * self.taps + self.tokens * self.row + R * self.row + self.head_channels * self.across + 4 * LINE
    }
}

/// Scratch for the longest sequence in the widest vectors.
fn room(shape: &ConvShape, offsets: &[usize]) -> usize {
    let longest = offsets.windows(2).map(|s| s[1] - s[0]).max().unwrap_or(0);
    Sizes::of(shape, longest, LINE).values()
}

struct Forward<'a> {
    shape: &'a ConvShape,
    offsets: &'a [usize],
    x: Rows<'a>,
    taps: Rows<'a>,
    y: RowsMut<'a>,
    scratch: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Forward { shape, offsets, x, taps, mut y, scratch } = self;
        for ends in offsets.windows(2) {
            let (start, len) = (ends[0], ends[1] - ends[0]);
            let sizes = Sizes::of(shape, len, S::F32_LANES);
            let mut room = &mut *scratch;
            let band = carve(&mut room, sizes.tokens * sizes.taps);
            let rows = carve(&mut room, sizes.tokens * sizes.row);
            let block = carve(&mut room, R * sizes.row);
            for head in 0..shape.heads {
                pad_taps(shape, &taps, start, len, head, &sizes, band);
                pad_rows(simd, &x, start, len, head, &sizes, rows);
                for t in (0..len).step_by(R) {
                    let from = t.saturating_sub(shape.left);
                    let to = len.min(t + R + shape.kernel - 1 - shape.left);
                    let a = t * sizes.taps + PAD + from + shape.left - t;
                    let strides = [sizes.taps - 1, 1];
                    band_times_rows(simd, &band[a..], strides, &rows[from * sizes.row..to * sizes.row], &sizes, block);
                    write_block(simd, shape, block, &sizes, head, &mut y, start + t, R.min(len - t));
                }
            }
        }
    }
}

struct Backward<'a> {
    shape: &'a ConvShape,
    offsets: &'a [usize],
    x: Rows<'a>,
    taps: Rows<'a>,
    dy: Rows<'a>,
    dx: RowsMut<'a>,
    dtaps: RowsMut<'a>,
    scratch: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Backward { shape, offsets, x, taps, dy, mut dx, dtaps, scratch } = self;
        for ends in offsets.windows(2) {
            let (start, len) = (ends[0], ends[1] - ends[0]);
            let sizes = Sizes::of(shape, len, S::F32_LANES);
            let mut room = &mut *scratch;
            let band = carve(&mut room, sizes.tokens * sizes.taps);
            let rows = carve(&mut room, sizes.tokens * sizes.row);
            let block = carve(&mut room, R * sizes.row);
            let across = carve(&mut room, sizes.head_channels * sizes.across);
            for head in 0..shape.heads {
                pad_taps(shape, &taps, start, len, head, &sizes, band);
                pad_rows(simd, &dy, start, len, head, &sizes, rows);
                for s in (0..len).step_by(R) {
                    let from = (s + shape.left + 1).saturating_sub(shape.kernel);
                    let to = len.min(s + R + shape.left);
                    let a = from * sizes.taps + PAD + s + shape.left - from;
                    let strides = [1, sizes.taps - 1];
                    band_times_rows(simd, &band[a..], strides, &rows[from * sizes.row..to * sizes.row], &sizes, block);
                    write_block(simd, shape, block, &sizes, head, &mut dx, start + s, R.min(len - s));
                }
                transpose(shape, &x, start, len, head, &sizes, across);
                let stride = dtaps.stride;
                let own = dtaps.data.get_mut(start * stride + head * shape.kernel..).unwrap_or_default();
                taps_gradient(simd, rows, across, &sizes, RowsMut::strided(own, len, shape.kernel, stride));
            }
        }
    }
}

/// band = the head's taps, token after token, each between PAD zeros; zeros for tokens that only fill the last block.
#[inline(always)]
fn pad_taps(
    shape: &ConvShape,
    taps: &Rows<'_>,
    start: usize,
    len: usize,
    head: usize,
    sizes: &Sizes,
    band: &mut [f32],
) {
    band[len * sizes.taps..len.next_multiple_of(R) * sizes.taps].fill(0.0);
    for (t, to) in band.chunks_exact_mut(sizes.taps).take(len).enumerate() {
        to[..PAD].fill(0.0);
        to[PAD..PAD + shape.kernel].copy_from_slice(&taps.row(start + t)[head * shape.kernel..][..shape.kernel]);
        to[PAD + shape.kernel..].fill(0.0);
    }
}

/// rows = the head's channels, each row filled up with zeros to whole vectors, and zero rows to fill the last block.
#[inline(always)]
fn pad_rows<S: Simd>(simd: S, x: &Rows<'_>, start: usize, len: usize, head: usize, sizes: &Sizes, rows: &mut [f32]) {
    rows[len * sizes.row..len.next_multiple_of(R) * sizes.row].fill(0.0);
    let width = sizes.head_channels;
    for (t, to) in rows.chunks_exact_mut(sizes.row).take(len).enumerate() {
        pad_row(simd, &x.row(start + t)[head * width..][..width], to);
    }
}

/// across = the head's channels as rows; position s of the sequence stands at left + s, between zeros.
#[inline(always)]
fn transpose(
    shape: &ConvShape,
    x: &Rows<'_>,
    start: usize,
    len: usize,
    head: usize,
    sizes: &Sizes,
    across: &mut [f32],
) {
    let width = sizes.head_channels;
    let row = |s| &x.row(start + s)[head * width..][..width];
    transpose_rows(row, len, width, &mut across[shape.left..], sizes.across);
    for row in across.chunks_exact_mut(sizes.across) {
        row[..shape.left].fill(0.0);
        row[shape.left + len..].fill(0.0);
    }
}

/// block[r] = sum over n of band[r * strides[0] + n * strides[1]] rows[n].
#[inline(always)]
fn band_times_rows<S: Simd>(
    simd: S,
    band: &[f32],
    strides: [usize; 2],
    rows: &[f32],
    sizes: &Sizes,
    block: &mut [f32],
) {
    let (band, stride) = (Scalars { data: band, strides }, sizes.row);
    let (steps, width) = (rows.len() / stride, vectors::<S>(stride));
    let (rows, block) = (Vectors { data: rows, stride }, Vectors { data: block, stride });
    product::<S, R>(simd, band, rows, steps, width, block, Begin::Zero);
}

#[inline(always)]
fn write_block<S: Simd>(
    simd: S,
    shape: &ConvShape,
    block: &[f32],
    sizes: &Sizes,
    head: usize,
    y: &mut RowsMut<'_>,
    start: usize,
    rows: usize,
) {
    let width = shape.head_channels();
    for (r, from) in block.chunks_exact(sizes.row).take(rows).enumerate() {
        crop_row(simd, from, &mut y.row_mut(start + r)[head * width..][..width]);
    }
}

/// dtaps[t, k] = sum over channels of dy[t, c] across[c, t + k], channels ascending.
#[inline(always)]
fn taps_gradient<S: Simd>(simd: S, dy: &[f32], across: &[f32], sizes: &Sizes, mut dtaps: RowsMut<'_>) {
    for t in (0..dtaps.rows).step_by(R) {
        let dy = &dy[t * sizes.row..][..R * sizes.row];
        for first in (0..dtaps.cols).step_by(S::F32_LANES) {
            let mut acc = [simd.splat_f32s(0.0); R];
            for (c, row) in across.chunks_exact(sizes.across).enumerate() {
                let inputs = &row[t + first..][..R - 1 + S::F32_LANES];
                for (r, acc) in acc.iter_mut().enumerate() {
                    let x = S::as_simd_f32s(&inputs[r..r + S::F32_LANES]).0[0];
                    *acc = simd.mul_add_e_f32s(simd.splat_f32s(dy[r * sizes.row + c]), x, *acc);
                }
            }
            let width = S::F32_LANES.min(dtaps.cols - first);
            for (r, acc) in acc.into_iter().enumerate().take(dtaps.rows - t) {
                store_first(simd, &mut dtaps.row_mut(t + r)[first..first + width], acc);
            }
        }
    }
}
