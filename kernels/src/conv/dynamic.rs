//! Taps of each token's own.

use super::band::{Band, Span, Splat, band_times_rows};
use super::taps_gradient::{self, taps_gradient};
use super::{ConvShape, count_work, longest};
use crate::scratch::with_scratch;
use crate::{Isa, Rows, RowsMut, trace};
use pulp::{Simd, WithSimd};

/// x, y: `[tokens, channels]`, taps: `[tokens, heads * kernel]`, after their softmax and dropout.
pub fn dynamic_conv(isa: Isa, shape: &ConvShape, offsets: &[usize], x: Rows<'_>, taps: &[f32], y: RowsMut<'_>) {
    let _span = trace::kernel("dynamic_conv", [x.rows, shape.kernel, shape.channels]);
    shape.check(offsets, &x);
    assert_eq!((y.rows, y.cols), (x.rows, x.cols), "shape of y");
    let taps = Rows::new(taps, x.rows, shape.heads * shape.kernel);
    count_work(shape, offsets);
    isa.vectorize(Forward { shape, offsets, x, taps, y });
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
    with_scratch(taps_gradient::room(shape, longest(offsets)), |scratch| {
        isa.vectorize(Backward { shape, offsets, x, taps, dy, dx, dtaps, scratch });
    });
}

/// The taps that outputs of a sequence give to inputs.
fn outputs<'a>(shape: &ConvShape, taps: &Rows<'a>, start: usize) -> Band<'a> {
    Band {
        taps: taps.data,
        start: start * taps.stride + shape.left,
        output: taps.stride as isize - 1,
        row: 1,
        group: shape.kernel,
        kernel: shape.kernel,
        reach: shape.left,
    }
}

struct Forward<'a> {
    shape: &'a ConvShape,
    offsets: &'a [usize],
    x: Rows<'a>,
    taps: Rows<'a>,
    y: RowsMut<'a>,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Forward { shape, offsets, x, taps, mut y } = self;
        for ends in offsets.array_windows() {
            let (band, span) = (outputs(shape, &taps, ends[0]), Span::of(ends, shape.head_channels()));
            // SAFETY: output t gives row s tap s - t + left of token t; every token has the taps of every head.
            unsafe { band_times_rows::<S, Splat>(simd, band, x, y.reborrow(), span) };
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
        let Backward { shape, offsets, x, taps, dy, mut dx, mut dtaps, scratch } = self;
        for ends in offsets.array_windows() {
            let (band, span) = (outputs(shape, &taps, ends[0]).exchanged(), Span::of(ends, shape.head_channels()));
            // SAFETY: output s gives row t tap s - t + left of token t; every token has the taps of every head.
            unsafe { band_times_rows::<S, Splat>(simd, band, dy, dx.reborrow(), span) };
            taps_gradient(simd, shape, *ends, x, dy, dtaps.reborrow(), scratch);
        }
    }
}
