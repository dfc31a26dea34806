//! Convolution over time, one tap a head and position: y[t, c] = sum over k of w[t, h, k] x[t + k - left, c], h the head of c.
//!
//! Positions outside the sequence count as zero. Taps [tokens, heads * kernel] are the general case; fixed ones are repeated.

use super::Real;
use crate::conv::ConvShape;

/// Predicted taps. x: `[tokens, channels]`, taps: `[tokens, heads * kernel]`. Returns y.
pub fn dynamic_conv<T: Real>(shape: &ConvShape, offsets: &[usize], x: &[T], taps: &[T]) -> Vec<T> {
    let mut y = vec![T::ZERO; x.len()];
    for_each_product(shape, offsets, |to, from, tap| y[to] += taps[tap] * x[from]);
    y
}

/// Gradients (dx, dtaps) of [`dynamic_conv`] from dy.
pub fn dynamic_conv_backward<T: Real>(
    shape: &ConvShape,
    offsets: &[usize],
    x: &[T],
    taps: &[T],
    dy: &[T],
) -> (Vec<T>, Vec<T>) {
    let (mut dx, mut dtaps) = (vec![T::ZERO; x.len()], vec![T::ZERO; taps.len()]);
    for_each_product(shape, offsets, |to, from, tap| {
        dx[from] += taps[tap] * dy[to];
        dtaps[tap] += x[from] * dy[to];
    });
    (dx, dtaps)
}

/// Fixed taps `[heads, kernel]`. With as many heads as channels this is the plain depthwise convolution.
pub fn light_conv<T: Real>(shape: &ConvShape, offsets: &[usize], x: &[T], taps: &[T]) -> Vec<T> {
    dynamic_conv(shape, offsets, x, &repeat(taps, x.len() / shape.channels))
}

/// Gradients (dx, dtaps) of [`light_conv`] from dy.
pub fn light_conv_backward<T: Real>(
    shape: &ConvShape,
    offsets: &[usize],
    x: &[T],
    taps: &[T],
    dy: &[T],
) -> (Vec<T>, Vec<T>) {
    let (dx, per_token) = dynamic_conv_backward(shape, offsets, x, &repeat(taps, x.len() / shape.channels), dy);
    let mut dtaps = vec![T::ZERO; taps.len()];
    for token in per_token.chunks(taps.len()) {
        dtaps.iter_mut().zip(token).for_each(|(sum, &d)| *sum += d);
    }
    (dx, dtaps)
}

/// Softmax of each row of `kernel` taps.
pub fn softmax_taps<T: Real>(kernel: usize, w: &[T]) -> Vec<T> {
    let mut y = w.to_vec();
    for row in y.chunks_mut(kernel) {
        let max = row.iter().fold(T::NEG_INFINITY, |m, &x| m.max(x));
        row.iter_mut().for_each(|x| *x = (*x - max).exp());
        let sum: T = row.iter().copied().sum();
        row.iter_mut().for_each(|x| *x = *x / sum);
    }
    y
}

/// Gradient of [`softmax_taps`] from its result and the gradient of that: dw = y (dy - sum of y dy).
pub fn softmax_taps_backward<T: Real>(kernel: usize, y: &[T], dy: &[T]) -> Vec<T> {
    let mut dw = Vec::with_capacity(y.len());
    for (y, dy) in y.chunks(kernel).zip(dy.chunks(kernel)) {
        let dot: T = y.iter().zip(dy).map(|(&y, &dy)| y * dy).sum();
        dw.extend(y.iter().zip(dy).map(|(&y, &dy)| y * (dy - dot)));
    }
    dw
}

/// Visits (index of y, index of x, index of the tap) of every product, k ascending.
fn for_each_product(shape: &ConvShape, offsets: &[usize], mut visit: impl FnMut(usize, usize, usize)) {
    let &ConvShape { channels, heads, kernel, left } = shape;
    for ends in offsets.windows(2) {
        for t in ends[0]..ends[1] {
            for k in 0..kernel {
                let Some(s) = (t + k).checked_sub(left) else { continue };
                if !(ends[0]..ends[1]).contains(&s) {
                    continue;
                }
                for c in 0..channels {
                    let head = c / (channels / heads);
                    visit(t * channels + c, s * channels + c, (t * heads + head) * kernel + k);
                }
            }
        }
    }
}

/// The same taps for every token.
fn repeat<T: Real>(taps: &[T], tokens: usize) -> Vec<T> {
    std::iter::repeat_n(taps, tokens).flatten().copied().collect()
}
