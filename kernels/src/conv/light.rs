//! Taps that all tokens share: a row of them a head, or a channel.
//!
//! Channels are taken a vector at a time. Such a column of a sequence is copied into a run of vectors with a few zeros before and
//! after; then one loop, [`correlate`], serves the output, the gradient of x (taps reversed) and the gradient of the taps (the
//! output's gradient being the taps): each is out[i] = sum over j of taps[j] source[i + j - left].

use super::{ConvShape, count_work};
use crate::scratch::{carve, with_scratch};
use crate::vectors::{load_first, store_first};
use crate::{Isa, Rows, RowsMut, trace};
use pulp::{Simd, WithSimd};

/// Taps a head. x, y: `[tokens, channels]`, taps: `[heads, kernel]`, after their softmax and dropout.
pub fn light_conv(isa: Isa, shape: &ConvShape, offsets: &[usize], x: Rows<'_>, taps: &[f32], y: RowsMut<'_>) {
    let _span = trace::kernel("light_conv", [x.rows, shape.kernel, shape.channels]);
    shape.check(offsets, &x);
    assert_eq!(taps.len(), shape.heads * shape.kernel, "{shape:?}: taps");
    assert_eq!((y.rows, y.cols), (x.rows, x.cols), "shape of y");
    count_work(shape, offsets);
    with_scratch(room(shape, offsets), |scratch| {
        isa.vectorize(Forward { shape, offsets, x, taps, y, scratch });
    });
}

/// dx = its gradient, dtaps += theirs. dy, dx: `[tokens, channels]`, dtaps: `[heads, kernel]`.
pub fn light_conv_backward(
    isa: Isa,
    shape: &ConvShape,
    offsets: &[usize],
    x: Rows<'_>,
    taps: &[f32],
    dy: Rows<'_>,
    dx: RowsMut<'_>,
    dtaps: &mut [f32],
) {
    let _span = trace::kernel("light_conv_backward", [x.rows, shape.kernel, shape.channels])
        .multiply_adds(|| 2 * shape.multiply_adds_of(offsets));
    shape.check(offsets, &x);
    assert_eq!(taps.len(), shape.heads * shape.kernel, "{shape:?}: taps");
    assert_eq!(dtaps.len(), taps.len(), "{shape:?}: gradients of taps");
    assert_eq!((dy.rows, dy.cols), (x.rows, x.cols), "shape of dy");
    assert_eq!((dx.rows, dx.cols), (x.rows, x.cols), "shape of dx");
    with_scratch(room(shape, offsets), |scratch| {
        isa.vectorize(Backward { shape, offsets, x, taps, dy, dx, dtaps, scratch });
    });
}

/// Taps a channel, `[channels, kernel]`; the shape's heads play no part.
pub fn depthwise_conv(isa: Isa, shape: &ConvShape, offsets: &[usize], x: Rows<'_>, taps: &[f32], y: RowsMut<'_>) {
    light_conv(isa, &ConvShape { heads: shape.channels, ..*shape }, offsets, x, taps, y);
}

/// As [`light_conv_backward`], dtaps: `[channels, kernel]`.
pub fn depthwise_conv_backward(
    isa: Isa,
    shape: &ConvShape,
    offsets: &[usize],
    x: Rows<'_>,
    taps: &[f32],
    dy: Rows<'_>,
    dx: RowsMut<'_>,
    dtaps: &mut [f32],
) {
    light_conv_backward(isa, &ConvShape { heads: shape.channels, ..*shape }, offsets, x, taps, dy, dx, dtaps);
}

/// Outputs that stay in registers together: 8 chains of FMAs cover a latency of 4 at two a cycle, and with the tap they fit AVX2's
/// 16 registers.
const BLOCK: usize = 8;
/// Taps for which a block's inputs are read once: 11 inputs and 4 taps are 15 loads for 32 FMAs, where tap by tap it would be 36, and a
/// processor starts as many loads in a cycle as FMAs.
const TAPS: usize = 4;
/// Zeros on either side of a column: a block's inputs reach at most BLOCK - 1 beyond it.
const PAD: usize = BLOCK;

/// Upper bound of scratch values, over tiers: one column each of x, dy, out, taps and gradient of taps.
fn room(shape: &ConvShape, offsets: &[usize]) -> usize {
    let longest = offsets.windows(2).map(|s| s[1] - s[0]).max().unwrap_or(0);
    crate::scratch::LINE * (3 * (longest + 2 * PAD) + 2 * shape.kernel)
}

struct Forward<'a> {
    shape: &'a ConvShape,
    offsets: &'a [usize],
    x: Rows<'a>,
    taps: &'a [f32],
    y: RowsMut<'a>,
    scratch: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Forward { shape, offsets, x, taps, mut y, scratch } = self;
        for first in (0..shape.channels).step_by(S::F32_LANES) {
            let mut room = &mut *scratch;
            let column_taps = carve_vectors::<S>(&mut room, shape.kernel);
            spread_taps::<S>(shape, taps, first, column_taps);
            for ends in offsets.windows(2) {
                let mut room = &mut *room;
                let len = ends[1] - ends[0];
                let source = carve_vectors::<S>(&mut room, len + 2 * PAD);
                let out = carve_vectors::<S>(&mut room, len);
                read_column(simd, &x, ends[0], first, source);
                out.fill(simd.splat_f32s(0.0));
                correlate(simd, column_taps, source, shape.left, out);
                write_column(simd, out, &mut y, ends[0], first);
            }
        }
    }
}

struct Backward<'a> {
    shape: &'a ConvShape,
    offsets: &'a [usize],
    x: Rows<'a>,
    taps: &'a [f32],
    dy: Rows<'a>,
    dx: RowsMut<'a>,
    dtaps: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Backward { shape, offsets, x, taps, dy, mut dx, dtaps, scratch } = self;
        let zero = simd.splat_f32s(0.0);
        for first in (0..shape.channels).step_by(S::F32_LANES) {
            let mut room = &mut *scratch;
            let reversed = carve_vectors::<S>(&mut room, shape.kernel);
            let gradient = carve_vectors::<S>(&mut room, shape.kernel);
            spread_taps::<S>(shape, taps, first, reversed);
            reversed.reverse();
            gradient.fill(zero);
            for ends in offsets.windows(2) {
                let mut room = &mut *room;
                let len = ends[1] - ends[0];
                let dy_column = carve_vectors::<S>(&mut room, len + 2 * PAD);
                let x_column = carve_vectors::<S>(&mut room, len + 2 * PAD);
                let out = carve_vectors::<S>(&mut room, len);
                read_column(simd, &dy, ends[0], first, dy_column);
                read_column(simd, &x, ends[0], first, x_column);
                out.fill(zero);
                correlate(simd, reversed, dy_column, shape.kernel - 1 - shape.left, out);
                write_column(simd, out, &mut dx, ends[0], first);
                correlate(simd, &dy_column[PAD..PAD + len], x_column, shape.left, gradient);
            }
            gather_taps::<S>(shape, gradient, first, dtaps);
        }
    }
}

/// out[i] += sum over j of taps[j] source[i + j - left], j ascending. Index 0 of the source stands after its PAD zeros.
#[inline(always)]
fn correlate<S: Simd>(simd: S, taps: &[S::f32s], source: &[S::f32s], left: usize, out: &mut [S::f32s]) {
    let mut start = 0;
    while start < out.len() {
        if out.len() - start > BLOCK / 2 {
            correlate_block::<S, BLOCK, { BLOCK + TAPS - 1 }>(simd, taps, source, left, start, out);
            start += BLOCK;
        } else {
            correlate_block::<S, { BLOCK / 2 }, { BLOCK / 2 + TAPS - 1 }>(simd, taps, source, left, start, out);
            start += BLOCK / 2;
        }
    }
}

/// The R outputs from `start` on, or as many as there are. W: the inputs of R outputs for TAPS taps.
#[inline(always)]
fn correlate_block<S: Simd, const R: usize, const W: usize>(
    simd: S,
    taps: &[S::f32s],
    source: &[S::f32s],
    left: usize,
    start: usize,
    out: &mut [S::f32s],
) {
    let len = source.len() - 2 * PAD;
    let out = &mut out[start..];
    // Only taps that reach an input of some output: start + R - 1 + j >= left and start + j < len + left.
    let begin = (left + 1).saturating_sub(start + R).min(taps.len());
    let end = (len + left).saturating_sub(start).clamp(begin, taps.len());
    if begin == end {
        return;
    }
    let inputs = &source[PAD + start + begin - left..][..end - begin + R - 1];
    let mut acc = [simd.splat_f32s(0.0); R];
    for (acc, x) in acc.iter_mut().zip(&*out) {
        *acc = *x;
    }
    let (several, single) = taps[begin..end].as_chunks::<TAPS>();
    let mut inputs = inputs;
    for taps in several {
        let window: [S::f32s; W] = inputs[..W].try_into().expect("as many as that");
        for (k, tap) in taps.iter().enumerate() {
            for (acc, x) in acc.iter_mut().zip(&window[k..]) {
                *acc = simd.mul_add_e_f32s(*tap, *x, *acc);
            }
        }
        inputs = &inputs[TAPS..];
    }
    for (tap, inputs) in single.iter().zip(inputs.array_windows::<R>()) {
        for (acc, x) in acc.iter_mut().zip(inputs) {
            *acc = simd.mul_add_e_f32s(*tap, *x, *acc);
        }
    }
    for (x, acc) in out.iter_mut().zip(acc) {
        *x = acc;
    }
}

#[inline(always)]
fn carve_vectors<'a, S: Simd>(room: &mut &'a mut [f32], n: usize) -> &'a mut [S::f32s] {
    S::as_mut_simd_f32s(carve(room, n * S::F32_LANES)).0
}

/// The vector of channels from `first` on, of a sequence whose first row is `start`, between its zeros.
#[inline(always)]
fn read_column<S: Simd>(simd: S, x: &Rows<'_>, start: usize, first: usize, column: &mut [S::f32s]) {
    let width = S::F32_LANES.min(x.cols - first);
    let zero = simd.splat_f32s(0.0);
    let len = column.len() - 2 * PAD;
    column[..PAD].fill(zero);
    column[PAD + len..].fill(zero);
    let column = &mut column[PAD..PAD + len];
    if width == S::F32_LANES {
        for (t, to) in column.iter_mut().enumerate() {
            *to = S::as_simd_f32s(&x.row(start + t)[first..first + S::F32_LANES]).0[0];
        }
    } else {
        for (t, to) in column.iter_mut().enumerate() {
            *to = load_first(simd, &x.row(start + t)[first..first + width]);
        }
    }
}

#[inline(always)]
fn write_column<S: Simd>(simd: S, column: &[S::f32s], y: &mut RowsMut<'_>, start: usize, first: usize) {
    let width = S::F32_LANES.min(y.cols - first);
    if width == S::F32_LANES {
        for (t, value) in column.iter().enumerate() {
            S::as_mut_simd_f32s(&mut y.row_mut(start + t)[first..first + S::F32_LANES]).0[0] = *value;
        }
    } else {
        for (t, value) in column.iter().enumerate() {
            store_first(simd, &mut y.row_mut(start + t)[first..first + width], *value);
        }
    }
}

/// Tap k of each channel from `first` on, in vector k.
#[inline(always)]
fn spread_taps<S: Simd>(shape: &ConvShape, taps: &[f32], first: usize, to: &mut [S::f32s]) {
    let to: &mut [f32] = bytemuck::cast_slice_mut(to);
    for lane in 0..S::F32_LANES {
        // Lanes beyond the last channel compute with its taps, and are thrown away.
        let head = (first + lane).min(shape.channels - 1) / shape.head_channels();
        let taps = &taps[head * shape.kernel..][..shape.kernel];
        for (k, tap) in taps.iter().enumerate() {
            to[k * S::F32_LANES + lane] = *tap;
        }
    }
}

/// dtaps += what the channels from `first` on give, channels ascending.
#[inline(always)]
fn gather_taps<S: Simd>(shape: &ConvShape, gradient: &[S::f32s], first: usize, dtaps: &mut [f32]) {
    let gradient: &[f32] = bytemuck::cast_slice(gradient);
    for lane in 0..S::F32_LANES.min(shape.channels - first) {
        let head = (first + lane) / shape.head_channels();
        for (k, d) in dtaps[head * shape.kernel..][..shape.kernel].iter_mut().enumerate() {
            *d += gradient[k * S::F32_LANES + lane];
        }
    }
}
