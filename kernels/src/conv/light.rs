//! Taps that all tokens share: a row of them a head, or a channel.
//!
//! Channels are taken a vector at a time, each with the taps of its own head in a lane of its own.

use super::band::{Band, PerChannel, Span, band_times_rows};
use super::{ConvShape, count_work, longest};
use crate::product::Begin;
use crate::scratch::{LINE, carve, with_scratch};
use crate::vectors::{load_first, vectors};
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

/// Upper bound of scratch values, over tiers: taps of all channels, and, of a vector of channels, dy and the gradient of taps.
fn room(shape: &ConvShape, offsets: &[usize]) -> usize {
    let longest = longest(offsets);
    let channels = shape.channels.next_multiple_of(LINE);
    channels * shape.kernel + LINE * longest + LINE * shape.kernel.next_multiple_of(4)
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
        let taps = spread::<S>(simd, shape, taps, &mut { scratch });
        for ends in offsets.array_windows() {
            times_rows(simd, outputs::<S>(shape, taps), x, y.reborrow(), ends);
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
        let lanes = S::F32_LANES;
        let mut room = scratch;
        let taps = spread::<S>(simd, shape, taps, &mut room);
        for ends in offsets.array_windows() {
            times_rows(simd, outputs::<S>(shape, taps).exchanged(), dy, dx.reborrow(), ends);
        }
        // A tap is an output, too: of x, with dy as taps.
        let outputs = shape.kernel.next_multiple_of(4);
        let gradient = carve(&mut room, outputs * lanes);
        for first in (0..shape.channels).step_by(lanes) {
            let cols = lanes.min(shape.channels - first);
            let x = Rows { data: x.data.get(first..).unwrap_or_default(), cols, ..x };
            gradient.fill(0.0);
            for ends in offsets.array_windows::<2>() {
                let rows = ends[1] - ends[0];
                let column = &mut room[..rows * lanes];
                read_column(simd, &dy, ends[0], first, S::as_mut_simd_f32s(column).0);
                let band = Band { kernel: rows, ..self::outputs::<S>(shape, column) };
                let span = Span { start: ends[0], rows, first: 0, outputs, width: lanes, begin: Begin::Output };
                let y = RowsMut::strided(gradient, outputs, cols, lanes);
                // SAFETY: output k takes from row s the row s - k + left of dy's column, which has all rows.
                unsafe { band_times_rows::<S, PerChannel>(simd, band, x, y, span) };
            }
            gather_taps::<S>(shape, gradient, first, dtaps);
        }
    }
}

/// y = band x rows of a sequence. One vector of channels after the other, so that its taps stay near.
#[inline(always)]
fn times_rows<S: Simd>(simd: S, band: Band<'_>, x: Rows<'_>, y: RowsMut<'_>, ends: &[usize; 2]) {
    let span = Span::of(ends, S::F32_LANES);
    for (v, first) in (0..x.cols).step_by(S::F32_LANES).enumerate() {
        let band = Band { start: band.start + v * band.group, ..band };
        let cols = S::F32_LANES.min(x.cols - first);
        let x = Rows { data: x.data.get(first..).unwrap_or_default(), cols, ..x };
        let y = RowsMut { data: y.data.get_mut(first..).unwrap_or_default(), cols, ..y };
        // SAFETY: `spread` laid out all taps of each vector of channels; of output t, row s meets tap
        // s - t + left, or t - s + left where taps go back.
        unsafe { band_times_rows::<S, PerChannel>(simd, band, x, y, span) };
    }
}

/// What outputs read: taps of all channels, as [`spread`] lays them out.
fn outputs<'a, S: Simd>(shape: &ConvShape, taps: &'a [f32]) -> Band<'a> {
    let lanes = S::F32_LANES;
    Band {
        taps,
        start: shape.left * lanes,
        output: -(lanes as isize),
        row: lanes as isize,
        group: shape.kernel * lanes,
        kernel: shape.kernel,
        reach: shape.left,
    }
}

/// Taps `[channels / lanes, kernel, lanes]`, in the first of `room`; lanes beyond the last channel have zeros.
#[inline(always)]
fn spread<'a, S: Simd>(simd: S, shape: &ConvShape, taps: &[f32], room: &mut &'a mut [f32]) -> &'a [f32] {
    let lanes = S::F32_LANES;
    let group = shape.kernel * lanes;
    let all = carve(room, vectors::<S>(shape.channels) * group);
    all.fill(0.0);
    for (v, to) in all.chunks_exact_mut(group).enumerate() {
        let to = S::as_mut_simd_f32s(to).0;
        let (mut first, end) = (v * lanes, shape.channels.min((v + 1) * lanes));
        while first < end {
            // The channels of a head that this vector has.
            let head = first / shape.head_channels();
            let next = end.min((head + 1) * shape.head_channels());
            let mask = simd.mask_between_m32s((first - v * lanes) as u32, (next - v * lanes) as u32).mask();
            for (tap, to) in taps[head * shape.kernel..][..shape.kernel].iter().zip(&mut *to) {
                *to = simd.select_f32s(mask, simd.splat_f32s(*tap), *to);
            }
            first = next;
        }
    }
    all
}

/// The vector of channels from `first` on, of a sequence whose first row is `start`.
#[inline(always)]
fn read_column<S: Simd>(simd: S, x: &Rows<'_>, start: usize, first: usize, column: &mut [S::f32s]) {
    let width = S::F32_LANES.min(x.cols - first);
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

/// dtaps += what the channels from `first` on give, channels ascending.
#[inline(always)]
fn gather_taps<S: Simd>(shape: &ConvShape, gradient: &[f32], first: usize, dtaps: &mut [f32]) {
    for lane in 0..S::F32_LANES.min(shape.channels - first) {
        let head = (first + lane) / shape.head_channels();
        for (k, d) in dtaps[head * shape.kernel..][..shape.kernel].iter_mut().enumerate() {
            *d += gradient[k * S::F32_LANES + lane];
        }
    }
}
