//! Multi-head scaled dot-product attention. Vaswani et al. 2017, section 3.2.
//!
//! A query's scores exist one row at a time; the adjoint makes them again from the logarithm of their sum, so memory grows with the length, not
//! its square. Keys are transposed a head at a time, which turns a row of scores into vectors over keys. Scores, sums and outputs
//! run over keys in ascending order from key 0, so a query's bits depend on its own keys alone: in any batch, and step by step.

use crate::dropout::{DropoutKey, mask_range, threshold_and_scale};
use crate::softmax::{exp_row, row_max, scale_row};
use crate::{Isa, Rows, RowsMut, work};
use pulp::{Simd, WithSimd};

/// The dimensions of an attention.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionShape {
    /// Heads.
    pub heads: usize,
    /// Channels of a head.
    pub head_dim: usize,
    /// What queries are multiplied by.
    pub scale: f32,
}

/// Which keys a query sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// All.
    None,
    /// Query i sees keys up to i + (keys - queries).
    Causal,
}

/// Attention weights dropped after their softmax: element (head x queries + i) x keys + j of a query sequence's mask.
#[derive(Clone, Copy, Debug)]
pub struct Dropped<'a> {
    /// The rate.
    pub p: f32,
    /// One a query sequence.
    pub keys: &'a [DropoutKey],
}

/// Room for a head's transposed keys and values and a row of weights.
#[derive(Clone, Debug, Default)]
pub struct AttentionScratch {
    keys: Vec<f32>,
    values: Vec<f32>,
    weights: Vec<f32>,
    mask: Vec<f32>,
    gradient: Vec<f32>,
}

/// Which rows belong together: query sequence i is rows `q_offsets[i]..q_offsets[i + 1]`, its keys rows `kv_ranges[i]`.
struct Spans<'a> {
    shape: &'a AttentionShape,
    mask: Mask,
    q_offsets: &'a [usize],
    kv_ranges: &'a [(usize, usize)],
    dropout: Option<Dropped<'a>>,
}

impl Spans<'_> {
    fn check(&self, q: Rows<'_>, k: Rows<'_>, v: Rows<'_>) {
        let channels = self.shape.heads * self.shape.head_dim;
        assert_eq!([q.cols, k.cols, v.cols], [channels; 3], "channels of queries, keys and values");
        assert_eq!(k.rows, v.rows, "rows of keys and of values");
        assert_eq!(self.q_offsets.last(), Some(&q.rows), "rows of the sequences and of queries");
        assert_eq!(self.kv_ranges.len() + 1, self.q_offsets.len(), "one range of keys a query sequence");
        for (w, &(start, end)) in self.q_offsets.windows(2).zip(self.kv_ranges) {
            assert!(start <= end && end <= k.rows, "keys {start}..{end} of {}", k.rows);
            assert!(w[0] == w[1] || start < end, "a query without keys");
            assert!(self.mask == Mask::None || w[1] - w[0] <= end - start, "a causal query without a key of its own");
        }
        if let Some(d) = self.dropout {
            assert_eq!(d.keys.len(), self.kv_ranges.len(), "one mask a query sequence");
        }
    }

    /// How many keys query i of `queries` sees.
    #[inline(always)]
    fn visible(&self, i: usize, queries: usize, keys: usize) -> usize {
        match self.mask {
            Mask::None => keys,
            Mask::Causal => i + 1 + keys - queries,
        }
    }
}

/// out = the weighted values of every query. q, out: `[queries, heads * head_dim]`, k, v: `[keys, heads * head_dim]`; log_sum: `[queries * heads]`,
/// the logarithm of the sum of exponentials of scores, which the adjoint reads. Panics where shapes disagree or a query sees no key.
pub fn attention(
    isa: Isa,
    shape: &AttentionShape,
    mask: Mask,
    q: Rows<'_>,
    q_offsets: &[usize],
    k: Rows<'_>,
    v: Rows<'_>,
    kv_ranges: &[(usize, usize)],
    dropout: Option<Dropped<'_>>,
    out: RowsMut<'_>,
    log_sum: &mut [f32],
    scratch: &mut AttentionScratch,
) {
    let spans = Spans { shape, mask, q_offsets, kv_ranges, dropout };
    spans.check(q, k, v);
    assert_eq!((out.rows, out.cols), (q.rows, q.cols), "shape of the output");
    assert_eq!(log_sum.len(), q.rows * shape.heads, "one log-sum a query and head");
    for (w, &(start, end)) in q_offsets.windows(2).zip(kv_ranges) {
        let queries = w[1] - w[0];
        let pairs: usize = (0..queries).map(|i| spans.visible(i, queries, end - start)).sum();
        work::add(2 * pairs * q.cols);
    }
    isa.vectorize(Forward { spans, q, k, v, out, log_sum, scratch });
}

struct Forward<'a> {
    spans: Spans<'a>,
    q: Rows<'a>,
    k: Rows<'a>,
    v: Rows<'a>,
    out: RowsMut<'a>,
    log_sum: &'a mut [f32],
    scratch: &'a mut AttentionScratch,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Forward { spans, q, k, v, mut out, log_sum, scratch } = self;
        let AttentionShape { heads, head_dim, scale } = *spans.shape;
        for (s, (w, &(start, end))) in spans.q_offsets.windows(2).zip(spans.kv_ranges).enumerate() {
            let (queries, keys) = (w[1] - w[0], end - start);
            let padded = keys.next_multiple_of(S::F32_LANES);
            for h in 0..heads {
                let column = h * head_dim;
                transpose(k, start..end, column..column + head_dim, padded, &mut scratch.keys);
                scratch.weights.resize(padded, 0.0);
                for i in 0..queries {
                    let row = w[0] + i;
                    let seen = spans.visible(i, queries, keys);
                    let query = &q.row(row)[column..column + head_dim];
                    let weights = &mut scratch.weights[..seen];
                    let (most, sum) = attend(simd, query, scale, &scratch.keys, padded, weights);
                    log_sum[row * heads + h] = most + sum.ln();
                    if let Some(d) = spans.dropout {
                        scratch.mask.resize(seen, 0.0);
                        let first = ((h * queries + i) * keys) as u64;
                        mask_range(simd, d.keys[s], threshold_and_scale(d.p), first, &mut scratch.mask);
                        multiply(simd, weights, &scratch.mask);
                    }
                    let to = &mut out.row_mut(row)[column..column + head_dim];
                    weighted_rows(simd, v, start, column, weights, to);
                    scale_row(simd, to, 1.0 / sum);
                }
            }
        }
    }
}

/// to[d][j] = x[rows.start + j, columns.start + d], `padded` values a row, zeros beyond the last.
#[inline(always)]
fn transpose(
    x: Rows<'_>,
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
    padded: usize,
    to: &mut Vec<f32>,
) {
    to.clear();
    to.resize(columns.len() * padded, 0.0);
    for (j, r) in rows.enumerate() {
        for (d, &value) in x.row(r)[columns.clone()].iter().enumerate() {
            to[d * padded + j] = value;
        }
    }
}

/// weights[j] = e^(score_j - most) of the keys that the query sees; returns the largest score and the sum.
#[inline(always)]
fn attend<S: Simd>(simd: S, query: &[f32], scale: f32, keys: &[f32], padded: usize, weights: &mut [f32]) -> (f32, f32) {
    dots(simd, query, scale, keys, padded, weights);
    let most = row_max(simd, weights);
    (most, exp_row(simd, weights, most))
}

/// out[j] = (query x scale) . x[:, j], x transposed as by [`transpose`].
#[inline(always)]
fn dots<S: Simd>(simd: S, query: &[f32], scale: f32, x: &[f32], padded: usize, out: &mut [f32]) {
    let lanes = S::F32_LANES;
    let mut at = 0;
    while at < out.len() {
        // Two vectors at a time hide some of the latency of their sums.
        let two = at + lanes < out.len();
        let mut acc = [simd.splat_f32s(0.0); 2];
        for (d, &q) in query.iter().enumerate() {
            let q = simd.splat_f32s(q * scale);
            let row = &x[d * padded + at..];
            acc[0] = simd.mul_add_e_f32s(q, simd.partial_load_f32s(&row[..lanes]), acc[0]);
            if two {
                acc[1] = simd.mul_add_e_f32s(q, simd.partial_load_f32s(&row[lanes..2 * lanes]), acc[1]);
            }
        }
        let end = out.len().min(at + lanes);
        simd.partial_store_f32s(&mut out[at..end], acc[0]);
        if two {
            let last = out.len().min(at + 2 * lanes);
            simd.partial_store_f32s(&mut out[end..last], acc[1]);
        }
        at += 2 * lanes;
    }
}

/// x = x y, value by value.
#[inline(always)]
fn multiply<S: Simd>(simd: S, x: &mut [f32], y: &[f32]) {
    let (x, x_tail) = S::as_mut_simd_f32s(x);
    let (y, y_tail) = S::as_simd_f32s(y);
    for (x, y) in x.iter_mut().zip(y) {
        *x = simd.mul_f32s(*x, *y);
    }
    x_tail.iter_mut().zip(y_tail).for_each(|(x, y)| *x *= y);
}

/// The adjoint of [`attention`]. With weights a, dropped weights a', delta = dout . out: da' = dout v', ds = a (da - delta),
/// dq = scale ds k (written), dk += scale ds' q, dv += a'' dout, queries ascending.
pub fn attention_backward(
    isa: Isa,
    shape: &AttentionShape,
    mask: Mask,
    q: Rows<'_>,
    q_offsets: &[usize],
    k: Rows<'_>,
    v: Rows<'_>,
    kv_ranges: &[(usize, usize)],
    dropout: Option<Dropped<'_>>,
    out: Rows<'_>,
    log_sum: &[f32],
    dout: Rows<'_>,
    dq: RowsMut<'_>,
    dk: RowsMut<'_>,
    dv: RowsMut<'_>,
    scratch: &mut AttentionScratch,
) {
    let spans = Spans { shape, mask, q_offsets, kv_ranges, dropout };
    spans.check(q, k, v);
    let expected = (q.rows, q.cols);
    assert_eq!([(out.rows, out.cols), (dout.rows, dout.cols), (dq.rows, dq.cols)], [expected; 3], "shapes");
    assert_eq!([(dk.rows, dk.cols), (dv.rows, dv.cols)], [(k.rows, k.cols); 2], "shapes of dk and dv");
    assert_eq!(log_sum.len(), q.rows * shape.heads, "one log-sum a query and head");
    isa.vectorize(Backward { spans, q, k, v, out, log_sum, dout, dq, dk, dv, scratch });
}

struct Backward<'a> {
    spans: Spans<'a>,
    q: Rows<'a>,
    k: Rows<'a>,
    v: Rows<'a>,
    out: Rows<'a>,
    log_sum: &'a [f32],
    dout: Rows<'a>,
    dq: RowsMut<'a>,
    dk: RowsMut<'a>,
    dv: RowsMut<'a>,
    scratch: &'a mut AttentionScratch,
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Backward { spans, q, k, v, out, log_sum, dout, mut dq, mut dk, mut dv, scratch } = self;
        let AttentionShape { heads, head_dim, scale } = *spans.shape;
        for (s, (w, &(start, end))) in spans.q_offsets.windows(2).zip(spans.kv_ranges).enumerate() {
            let (queries, keys) = (w[1] - w[0], end - start);
            let padded = keys.next_multiple_of(S::F32_LANES);
            for h in 0..heads {
                let columns = h * head_dim..(h + 1) * head_dim;
                transpose(k, start..end, columns.clone(), padded, &mut scratch.keys);
                transpose(v, start..end, columns.clone(), padded, &mut scratch.values);
                scratch.weights.resize(padded, 0.0);
                scratch.gradient.resize(padded, 0.0);
                for i in 0..queries {
                    let row = w[0] + i;
                    let seen = spans.visible(i, queries, keys);
                    let query = &q.row(row)[columns.clone()];
                    let upstream = &dout.row(row)[columns.clone()];
                    let weights = &mut scratch.weights[..seen];
                    let gradient = &mut scratch.gradient[..seen];
                    dots(simd, query, scale, &scratch.keys, padded, weights);
                    exp_row(simd, weights, log_sum[row * heads + h]);
                    dots(simd, upstream, 1.0, &scratch.values, padded, gradient);
                    let delta = dot(simd, upstream, &out.row(row)[columns.clone()]);
                    if let Some(d) = spans.dropout {
                        scratch.mask.resize(seen, 0.0);
                        let first = ((h * queries + i) * keys) as u64;
                        mask_range(simd, d.keys[s], threshold_and_scale(d.p), first, &mut scratch.mask);
                        multiply(simd, gradient, &scratch.mask);
                        score_gradient(simd, weights, delta, gradient);
                        multiply(simd, weights, &scratch.mask);
                    } else {
                        score_gradient(simd, weights, delta, gradient);
                    }
                    add_outer(simd, &mut dv, start, columns.start, weights, upstream);
                    scale_row(simd, gradient, scale);
                    weighted_rows(simd, k, start, columns.start, gradient, &mut dq.row_mut(row)[columns.clone()]);
                    add_outer(simd, &mut dk, start, columns.start, gradient, query);
                }
            }
        }
    }
}

/// x . y.
#[inline(always)]
fn dot<S: Simd>(simd: S, x: &[f32], y: &[f32]) -> f32 {
    let (x, x_tail) = S::as_simd_f32s(x);
    let (y, y_tail) = S::as_simd_f32s(y);
    let mut sum = simd.splat_f32s(0.0);
    for (x, y) in x.iter().zip(y) {
        sum = simd.mul_add_e_f32s(*x, *y, sum);
    }
    x_tail.iter().zip(y_tail).fold(simd.reduce_sum_f32s(sum), |sum, (x, y)| sum + x * y)
}

/// d = weights (d - delta).
#[inline(always)]
fn score_gradient<S: Simd>(simd: S, weights: &[f32], delta: f32, d: &mut [f32]) {
    let (w, w_tail) = S::as_simd_f32s(weights);
    let (d, d_tail) = S::as_mut_simd_f32s(d);
    let vector_delta = simd.splat_f32s(delta);
    for (w, d) in w.iter().zip(d) {
        *d = simd.mul_f32s(*w, simd.sub_f32s(*d, vector_delta));
    }
    for (w, d) in w_tail.iter().zip(d_tail) {
        *d = w * (*d - delta);
    }
}

/// to[first + j, column..] += weights[j] x.
#[inline(always)]
fn add_outer<S: Simd>(simd: S, to: &mut RowsMut<'_>, first: usize, column: usize, weights: &[f32], x: &[f32]) {
    let lanes = S::F32_LANES;
    let mut at = 0;
    while at < x.len() {
        let count = (x.len() - at).min(2 * lanes);
        let one = count.min(lanes);
        let part = [simd.partial_load_f32s(&x[at..at + one]), simd.partial_load_f32s(&x[at + one..at + count])];
        for (j, &weight) in weights.iter().enumerate() {
            let row = &mut to.data[(first + j) * to.stride + column + at..][..count];
            let weight = simd.splat_f32s(weight);
            let sum = simd.mul_add_e_f32s(weight, part[0], simd.partial_load_f32s(&row[..one]));
            simd.partial_store_f32s(&mut row[..one], sum);
            if count > lanes {
                let sum = simd.mul_add_e_f32s(weight, part[1], simd.partial_load_f32s(&row[one..]));
                simd.partial_store_f32s(&mut row[one..], sum);
            }
        }
        at += count;
    }
}

/// One query over remembered keys: `history` has their row numbers in the pools, in order. q, out: `[heads * head_dim]`. The bits are those of
/// the causal [`attention`].
pub fn attention_gather(
    isa: Isa,
    shape: &AttentionShape,
    q: &[f32],
    k_pool: Rows<'_>,
    v_pool: Rows<'_>,
    history: &[u32],
    out: &mut [f32],
    scratch: &mut AttentionScratch,
) {
    let channels = shape.heads * shape.head_dim;
    assert_eq!([q.len(), k_pool.cols, v_pool.cols, out.len()], [channels; 4], "channels");
    assert!(!history.is_empty(), "a query without keys");
    work::add(2 * history.len() * channels);
    isa.vectorize(Gather { shape, q, k: k_pool, v: v_pool, history, out, scratch });
}

struct Gather<'a> {
    shape: &'a AttentionShape,
    q: &'a [f32],
    k: Rows<'a>,
    v: Rows<'a>,
    history: &'a [u32],
    out: &'a mut [f32],
    scratch: &'a mut AttentionScratch,
}

impl WithSimd for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Gather { shape, q, k, v, history, out, scratch } = self;
        let keys = history.len();
        let padded = keys.next_multiple_of(S::F32_LANES);
        let width = shape.head_dim;
        scratch.weights.resize(padded, 0.0);
        for h in 0..shape.heads {
            let columns = h * width..(h + 1) * width;
            scratch.keys.clear();
            scratch.keys.resize(width * padded, 0.0);
            scratch.values.clear();
            for (j, &row) in history.iter().enumerate() {
                for (d, &x) in k.row(row as usize)[columns.clone()].iter().enumerate() {
                    scratch.keys[d * padded + j] = x;
                }
                scratch.values.extend_from_slice(&v.row(row as usize)[columns.clone()]);
            }
            let weights = &mut scratch.weights[..keys];
            let (_, sum) = attend(simd, &q[columns.clone()], shape.scale, &scratch.keys, padded, weights);
            let to = &mut out[columns];
            weighted_rows(simd, Rows::new(&scratch.values, keys, width), 0, 0, weights, to);
            scale_row(simd, to, 1.0 / sum);
        }
    }
}

/// The weights of every query, mean over heads: for query sequence after query sequence, `[queries, keys]`, zeros where a key is not seen.
pub fn attention_weights(
    isa: Isa,
    shape: &AttentionShape,
    mask: Mask,
    q: Rows<'_>,
    q_offsets: &[usize],
    k: Rows<'_>,
    kv_ranges: &[(usize, usize)],
) -> Vec<f32> {
    let spans = Spans { shape, mask, q_offsets, kv_ranges, dropout: None };
    spans.check(q, k, k);
    let mut scratch = AttentionScratch::default();
    isa.vectorize(Weights { spans, q, k, scratch: &mut scratch })
}

struct Weights<'a> {
    spans: Spans<'a>,
    q: Rows<'a>,
    k: Rows<'a>,
    scratch: &'a mut AttentionScratch,
}

impl WithSimd for Weights<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        let Weights { spans, q, k, scratch } = self;
        let AttentionShape { heads, head_dim, scale } = *spans.shape;
        let mut all = Vec::new();
        for (w, &(start, end)) in spans.q_offsets.windows(2).zip(spans.kv_ranges) {
            let (queries, keys) = (w[1] - w[0], end - start);
            let padded = keys.next_multiple_of(S::F32_LANES);
            let mut mean = vec![0.0; queries * keys];
            for h in 0..heads {
                let columns = h * head_dim..(h + 1) * head_dim;
                transpose(k, start..end, columns.clone(), padded, &mut scratch.keys);
                scratch.weights.resize(padded, 0.0);
                for i in 0..queries {
                    let seen = spans.visible(i, queries, keys);
                    let weights = &mut scratch.weights[..seen];
                    let query = &q.row(w[0] + i)[columns.clone()];
                    let (_, sum) = attend(simd, query, scale, &scratch.keys, padded, weights);
                    for (to, x) in mean[i * keys..].iter_mut().zip(&*weights) {
                        *to += x / (sum * heads as f32);
                    }
                }
            }
            all.extend(mean);
        }
        all
    }
}

/// y = sum over k of taps[k] x[first + k, column..column + y.len()], k ascending.
#[inline(always)]
fn weighted_rows<S: Simd>(simd: S, x: Rows<'_>, first: usize, column: usize, taps: &[f32], y: &mut [f32]) {
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
