//! Taps that all tokens share.

use super::{ConvShape, count_work};
use crate::{Isa, Rows, RowsMut, reference};

/// Taps a head. x, y: `[tokens, channels]`, taps: `[heads, kernel]`, after their softmax and dropout.
pub fn light_conv(isa: Isa, shape: &ConvShape, offsets: &[usize], x: Rows<'_>, taps: &[f32], y: RowsMut<'_>) {
    let _ = isa;
    shape.check(offsets, &x);
    count_work(shape, offsets);
    store(y, &reference::conv::light_conv(shape, offsets, &dense(x), taps));
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
    let _ = isa;
    shape.check(offsets, &x);
    let (gx, gtaps) = reference::conv::light_conv_backward(shape, offsets, &dense(x), taps, &dense(dy));
    store(dx, &gx);
    dtaps.iter_mut().zip(gtaps).for_each(|(d, g)| *d += g);
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

pub(super) fn dense(x: Rows<'_>) -> Vec<f32> {
    (0..x.rows).flat_map(|r| x.row(r).iter().copied()).collect()
}

pub(super) fn store(mut y: RowsMut<'_>, values: &[f32]) {
    for (r, row) in values.chunks(y.cols).enumerate() {
        y.row_mut(r).copy_from_slice(row);
    }
}
