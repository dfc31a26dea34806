//! Depthwise convolutions whose channels share taps, direct and channels last.
//!
//! y[t, c] = sum over k of taps[h, k] x[t + k - left, c], h being the head of channel c; positions outside the sequence count as zero. k
//! ascends, so a row has the same bits whatever sequence lengths surround it and however many rows of past it is given.

use crate::softmax::{exp_row, row_max, scale_row};
use crate::{Isa, Rows, RowsMut, work};
use pulp::{Simd, WithSimd};

/// The dimensions of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Channels in and out.
    pub channels: usize,
    /// Rows of taps.
    pub heads: usize,
    /// Taps in a row.
    pub kernel: usize,
    /// How many positions before its own a tap row starts: K/2 centred, K-1 causal.
    pub left: usize,
}

impl ConvShape {
    fn head_channels(&self) -> usize {
        self.channels / self.heads
    }

    /// Taps that fall inside a sequence of this length when position t is written.
    #[inline(always)]
    fn inside(&self, t: usize, length: usize) -> std::ops::Range<usize> {
        self.left.saturating_sub(t)..self.kernel.min(length + self.left - t)
    }

    fn check(&self, offsets: &[usize], x: Rows<'_>) {
        assert!(self.heads > 0 && self.channels.is_multiple_of(self.heads), "heads split the channels evenly");
        assert!(self.left < self.kernel, "a tap row reaches its own position");
        assert_eq!(x.cols, self.channels, "channels of x");
        assert_eq!(offsets.last(), Some(&x.rows), "rows of the sequences and of x");
    }
}

/// Where the taps of a position are.
#[derive(Clone, Copy)]
enum Taps<'a> {
    /// `[heads * kernel]`, the same everywhere.
    Fixed(&'a [f32]),
    /// `[tokens, heads * kernel]`.
    Each(&'a [f32], usize),
}

impl<'a> Taps<'a> {
    #[inline(always)]
    fn at(self, t: usize) -> &'a [f32] {
        match self {
            Taps::Fixed(taps) => taps,
            Taps::Each(taps, stride) => &taps[t * stride..][..stride],
        }
    }
}

/// x, y: `[tokens, channels]`; taps: `[heads * kernel]`, softmaxed. Panics where shapes disagree.
pub fn light_conv(isa: Isa, shape: &ConvShape, offsets: &[usize], x: Rows<'_>, taps: &[f32], y: RowsMut<'_>) {
    assert_eq!(taps.len(), shape.heads * shape.kernel, "taps");
    forward(isa, shape, offsets, x, Taps::Fixed(taps), y);
}

/// x, y: `[tokens, channels]`; taps: `[tokens, heads * kernel]`, softmaxed. Panics where shapes disagree.
pub fn dynamic_conv(isa: Isa, shape: &ConvShape, offsets: &[usize], x: Rows<'_>, taps: &[f32], y: RowsMut<'_>) {
    assert_eq!(taps.len(), x.rows * shape.heads * shape.kernel, "taps");
    forward(isa, shape, offsets, x, Taps::Each(taps, shape.heads * shape.kernel), y);
}

fn forward(isa: Isa, shape: &ConvShape, offsets: &[usize], x: Rows<'_>, taps: Taps<'_>, y: RowsMut<'_>) {
    shape.check(offsets, x);
    assert_eq!((y.rows, y.cols), (x.rows, x.cols), "shape of y");
    for w in offsets.windows(2) {
        let length = w[1] - w[0];
        let taps: usize = (0..length).map(|t| shape.inside(t, length).len()).sum();
        work::add(taps * shape.channels);
    }
    isa.vectorize(Forward { shape, offsets, x, taps, y });
}

struct Forward<'a> {
    shape: &'a ConvShape,
    offsets: &'a [usize],
    x: Rows<'a>,
    taps: Taps<'a>,
    y: RowsMut<'a>,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Forward { shape, offsets, x, taps, mut y } = self;
        let width = shape.head_channels();
        for w in offsets.windows(2) {
            for t in w[0]..w[1] {
                let inside = shape.inside(t - w[0], w[1] - w[0]);
                let first = t + inside.start - shape.left;
                let taps = taps.at(t);
                let y = y.row_mut(t);
                for h in 0..shape.heads {
                    let taps = &taps[h * shape.kernel..][..shape.kernel][inside.clone()];
                    let y = &mut y[h * width..][..width];
                    weighted_rows(simd, x, first, h * width, taps, y);
                }
            }
        }
    }
}

/// y = sum over k of taps[k] x[first + k, column..column + y.len()], k ascending.
#[inline(always)]
pub(crate) fn weighted_rows<S: Simd>(simd: S, x: Rows<'_>, first: usize, column: usize, taps: &[f32], y: &mut [f32]) {
    let lanes = S::F32_LANES;
    let mut at = 0;
    while at < y.len() {
        // Two vectors at a time: a head of 20 channels is one whole vector and a part of another.
        let count = (y.len() - at).min(2 * lanes);
        let one = count.min(lanes);
        let mut acc = [simd.splat_f32s(0.0); 2];
        for (k, &tap) in taps.iter().enumerate() {
            let row = &x.data[(first + k) * x.stride + column + at..][..count];
            let tap = simd.splat_f32s(tap);
            acc[0] = simd.mul_add_e_f32s(tap, simd.partial_load_f32s(&row[..one]), acc[0]);
            if count > lanes {
                acc[1] = simd.mul_add_e_f32s(tap, simd.partial_load_f32s(&row[one..]), acc[1]);
            }
        }
        simd.partial_store_f32s(&mut y[at..at + one], acc[0]);
        if count > lanes {
            simd.partial_store_f32s(&mut y[at + one..at + count], acc[1]);
        }
        at += count;
    }
}

/// The adjoint of [`light_conv`]: dx: `[tokens, channels]` written, dtaps: `[heads * kernel]` added to.
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
    assert_eq!([taps.len(), dtaps.len()], [shape.heads * shape.kernel; 2], "taps");
    backward(isa, shape, offsets, x, Taps::Fixed(taps), dy, dx, (dtaps, 0));
}

/// The adjoint of [`dynamic_conv`]: dx: `[tokens, channels]` and dtaps: `[tokens, heads * kernel]`, both written.
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
    let count = shape.heads * shape.kernel;
    assert_eq!([taps.len(), dtaps.len()], [x.rows * count; 2], "taps");
    dtaps.fill(0.0);
    backward(isa, shape, offsets, x, Taps::Each(taps, count), dy, dx, (dtaps, count));
}

/// dtaps with the distance from one position's to the next's: 0 where all positions share them.
fn backward(
    isa: Isa,
    shape: &ConvShape,
    offsets: &[usize],
    x: Rows<'_>,
    taps: Taps<'_>,
    dy: Rows<'_>,
    mut dx: RowsMut<'_>,
    dtaps: (&mut [f32], usize),
) {
    shape.check(offsets, x);
    assert_eq!([(dy.rows, dy.cols), (dx.rows, dx.cols)], [(x.rows, x.cols); 2], "shapes of dy and dx");
    for t in 0..dx.rows {
        dx.row_mut(t).fill(0.0);
    }
    isa.vectorize(Backward { shape, offsets, x, taps, dy, dx, dtaps });
}

struct Backward<'a> {
    shape: &'a ConvShape,
    offsets: &'a [usize],
    x: Rows<'a>,
    taps: Taps<'a>,
    dy: Rows<'a>,
    dx: RowsMut<'a>,
    dtaps: (&'a mut [f32], usize),
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Backward { shape, offsets, x, taps, dy, mut dx, dtaps: (dtaps, stride) } = self;
        let width = shape.head_channels();
        for w in offsets.windows(2) {
            for t in w[0]..w[1] {
                let inside = shape.inside(t - w[0], w[1] - w[0]);
                let first = t + inside.start - shape.left;
                for h in 0..shape.heads {
                    let at = h * shape.kernel + inside.start;
                    let taps = &taps.at(t)[at..][..inside.len()];
                    let dtaps = &mut dtaps[t * stride + at..][..inside.len()];
                    let dy = &dy.row(t)[h * width..][..width];
                    spread_rows(simd, (x, &mut dx), first, h * width, (taps, dtaps), dy);
                }
            }
        }
    }
}

/// dx[first + k] += taps[k] dy and dtaps[k] += x[first + k] . dy, over one head's channels from `column` on.
#[inline(always)]
fn spread_rows<S: Simd>(
    simd: S,
    (x, dx): (Rows<'_>, &mut RowsMut<'_>),
    first: usize,
    column: usize,
    (taps, dtaps): (&[f32], &mut [f32]),
    dy: &[f32],
) {
    let lanes = S::F32_LANES;
    let mut at = 0;
    while at < dy.len() {
        let count = (dy.len() - at).min(2 * lanes);
        let one = count.min(lanes);
        let d = [simd.partial_load_f32s(&dy[at..at + one]), simd.partial_load_f32s(&dy[at + one..at + count])];
        for (k, (&tap, dtap)) in taps.iter().zip(&mut *dtaps).enumerate() {
            let row = &x.data[(first + k) * x.stride + column + at..][..count];
            let to = &mut dx.data[(first + k) * dx.stride + column + at..][..count];
            let tap = simd.splat_f32s(tap);
            let mut dot = simd.mul_f32s(d[0], simd.partial_load_f32s(&row[..one]));
            let sum = simd.mul_add_e_f32s(tap, d[0], simd.partial_load_f32s(&to[..one]));
            simd.partial_store_f32s(&mut to[..one], sum);
            if count > lanes {
                dot = simd.mul_add_e_f32s(d[1], simd.partial_load_f32s(&row[one..]), dot);
                let sum = simd.mul_add_e_f32s(tap, d[1], simd.partial_load_f32s(&to[one..]));
                simd.partial_store_f32s(&mut to[one..], sum);
            }
            *dtap += simd.reduce_sum_f32s(dot);
        }
        at += count;
    }
}

/// One position of a causal convolution over remembered rows: `history` has the numbers of the last min(K, t + 1) rows of x, oldest first, the
/// position's own last; taps: `[heads * kernel]`; y: `[channels]`. The bits are [`light_conv`]'s.
pub fn conv_step_gather(isa: Isa, shape: &ConvShape, x: Rows<'_>, history: &[u32], taps: &[f32], y: &mut [f32]) {
    assert_eq!([x.cols, y.len()], [shape.channels; 2], "channels of x and y");
    assert_eq!(taps.len(), shape.heads * shape.kernel, "taps");
    assert!(history.len() <= shape.kernel, "more history than taps");
    work::add(history.len() * shape.channels);
    struct Step<'a>(&'a ConvShape, Rows<'a>, &'a [u32], &'a [f32], &'a mut [f32]);
    impl WithSimd for Step<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Step(shape, x, history, taps, y) = self;
            let width = shape.head_channels();
            y.fill(0.0);
            for h in 0..shape.heads {
                let taps = &taps[h * shape.kernel..][..shape.kernel][shape.kernel - history.len()..];
                let y = &mut y[h * width..][..width];
                for (&tap, &row) in taps.iter().zip(history) {
                    let from = &x.row(row as usize)[h * width..][..width];
                    let tap = simd.splat_f32s(tap);
                    let (x, x_tail) = S::as_simd_f32s(from);
                    let (to, to_tail) = S::as_mut_simd_f32s(y);
                    for (to, x) in to.iter_mut().zip(x) {
                        *to = simd.mul_add_e_f32s(tap, *x, *to);
                    }
                    if !x_tail.is_empty() {
                        let x = simd.partial_load_f32s(x_tail);
                        let sum = simd.mul_add_e_f32s(tap, x, simd.partial_load_f32s(to_tail));
                        simd.partial_store_f32s(to_tail, sum);
                    }
                }
            }
        }
    }
    isa.vectorize(Step(shape, x, history, taps, y));
}

/// Each row of `kernel` taps = its softmax, over all K. w: `[rows * kernel]`.
pub fn softmax_taps(isa: Isa, rows: usize, kernel: usize, w: &mut [f32]) {
    assert_eq!(w.len(), rows * kernel, "taps");
    struct Softmax<'a>(usize, &'a mut [f32]);
    impl WithSimd for Softmax<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            for row in self.1.chunks_exact_mut(self.0) {
                let most = row_max(simd, row);
                let sum = exp_row(simd, row, most);
                scale_row(simd, row, 1.0 / sum);
            }
        }
    }
    isa.vectorize(Softmax(kernel, w));
}

/// The adjoint of [`softmax_taps`] in place: dy becomes the gradient of what was softmaxed. y, dy: `[rows * kernel]`.
pub fn softmax_taps_backward(isa: Isa, rows: usize, kernel: usize, y: &[f32], dy: &mut [f32]) {
    crate::softmax::softmax_rows_backward(isa, Rows::new(y, rows, kernel), RowsMut::new(dy, rows, kernel));
}

/// out = taps x mask, position by position: taps: `[n]`, mask, out: `[tokens, n]`.
pub fn expand_taps(_isa: Isa, taps: &[f32], mask: &[f32], out: &mut [f32]) {
    assert_eq!(mask.len(), out.len(), "values of the mask and of the result");
    for (mask, out) in mask.chunks_exact(taps.len()).zip(out.chunks_exact_mut(taps.len())) {
        for ((out, mask), tap) in out.iter_mut().zip(mask).zip(taps) {
            *out = mask * tap;
        }
    }
}

/// The adjoint of [`expand_taps`]: dtaps += the sum over positions of d x mask, positions ascending. d, mask: `[tokens, n]`, dtaps: `[n]`.
pub fn reduce_taps(_isa: Isa, d: &[f32], mask: &[f32], dtaps: &mut [f32]) {
    assert_eq!(d.len(), mask.len(), "values of the gradient and of the mask");
    let n = dtaps.len();
    for (d, mask) in d.chunks_exact(n).zip(mask.chunks_exact(n)) {
        for ((to, d), mask) in dtaps.iter_mut().zip(d).zip(mask) {
            *to += d * mask;
        }
    }
}
