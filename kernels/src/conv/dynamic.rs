//! Taps of each token's own.

use super::light::{dense, store};
use super::{ConvShape, count_work};
use crate::{Isa, Rows, RowsMut, reference};

/// x, y: `[tokens, channels]`, taps: `[tokens, heads * kernel]`, after their softmax and dropout.
pub fn dynamic_conv(isa: Isa, shape: &ConvShape, offsets: &[usize], x: Rows<'_>, taps: &[f32], y: RowsMut<'_>) {
    let _ = isa;
    shape.check(offsets, &x);
    count_work(shape, offsets);
    store(y, &reference::conv::dynamic_conv(shape, offsets, &dense(x), taps));
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
    let _ = isa;
    shape.check(offsets, &x);
    let (gx, gtaps) = reference::conv::dynamic_conv_backward(shape, offsets, &dense(x), taps, &dense(dy));
    store(dx, &gx);
    dtaps.copy_from_slice(&gtaps);
}
