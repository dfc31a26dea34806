//! The adjoint: with a the weights, m their mask, delta = dout . out,
//! dv += (a m)' dout, da = m dout v', ds = a (da - delta), dq = scale ds k, dk += scale ds' q.

use super::forward::Drops;
use super::pack::{Sizes, pad, scale, transpose};
use super::{AttentionScratch, AttentionShape, Dropped, MOST_ROWS, Mask, Places, Spans, TILE, seen};
use crate::dropout::{mask_range, threshold_and_scale};
use crate::exp::exp;
use crate::product::{Begin, Scalars, Vectors, product};
use crate::scratch::{LINE, carve};
use crate::vectors::{crop_row, first_lanes, load_first, vectors};
use crate::{Isa, Rows, RowsMut, Tier};
use pulp::{Simd, WithSimd};

/// dq = the gradient, dk and dv += theirs, from dout. out, log_sum: as [`super::attention`] left them, under the same dropout; shapes as
/// there.
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
    let spans = Spans { shape, mask, q_offsets, kv_ranges };
    spans.check(&q, &k);
    let (queries, keys) = ((q.rows, q.cols), (k.rows, k.cols));
    assert_eq!((v.rows, v.cols), keys, "shapes of values and keys");
    assert_eq!([(out.rows, out.cols), (dout.rows, dout.cols), (dq.rows, dq.cols)], [queries; 3], "out, dout, dq");
    assert_eq!([(dk.rows, dk.cols), (dv.rows, dv.cols)], [keys; 2], "shapes of dk and dv");
    assert_eq!(log_sum.len(), q.rows * shape.heads, "a log-sum a query and head");
    if let Some(dropped) = dropout {
        assert_eq!(dropped.keys.len(), kv_ranges.len(), "a dropout key a query sequence");
    }
    let largest = spans.sequences().map(|(_, queries, places)| room(shape, queries, places.len())).max();
    let AttentionScratch { values, masks } = scratch;
    let scratch = values.values(largest.unwrap_or(0));
    let pass = Pass { shape, mask, q, k, v, out, log_sum, dout, dq, dk, dv, scratch, masks };
    match isa.tier() {
        Tier::Avx512 => isa.vectorize(Sequences::<8> { pass, spans, dropout }),
        Tier::Avx2 | Tier::Scalar => isa.vectorize(Sequences::<4> { pass, spans, dropout }),
    }
}

/// Scratch for a sequence in the widest vectors: keys and values transposed; keys and their two gradients; q and dout; weights, their
/// gradients and dq of a block.
fn room(shape: &AttentionShape, queries: usize, keys: usize) -> usize {
    let sizes = Sizes::of(shape.head_dim, keys, LINE);
    2 * sizes.tiles() + (3 * sizes.keys + 2 * queries + MOST_ROWS) * sizes.row + 2 * MOST_ROWS * TILE
}

/// Operands of all sequences and heads.
struct Pass<'a> {
    shape: &'a AttentionShape,
    mask: Mask,
    q: Rows<'a>,
    k: Rows<'a>,
    v: Rows<'a>,
    out: Rows<'a>,
    log_sum: &'a [f32],
    dout: Rows<'a>,
    dq: RowsMut<'a>,
    dk: RowsMut<'a>,
    dv: RowsMut<'a>,
    scratch: &'a mut [f32],
    masks: &'a mut Vec<f32>,
}

/// A pass over sequences in blocks of at most R queries.
struct Sequences<'a, const R: usize> {
    pass: Pass<'a>,
    spans: Spans<'a>,
    dropout: Option<Dropped<'a>>,
}

impl<const R: usize> WithSimd for Sequences<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Sequences { mut pass, spans, dropout } = self;
        for (s, (first, queries, places)) in spans.sequences().enumerate() {
            let dropped = dropout.map(|d| (d.keys[s], threshold_and_scale(d.p)));
            pass.sequence::<S, R>(simd, first, queries, places, dropped);
        }
    }
}

/// One head of one sequence, packed, and what it accumulates.
struct Head<'a> {
    sizes: Sizes,
    head: usize,
    first: usize,
    queries: usize,
    keys: usize,
    dropped: Drops,
    /// `[tiles, channels, TILE]`.
    k_across: &'a [f32],
    v_across: &'a [f32],
    /// `[keys, row]`.
    k: &'a [f32],
    dk: &'a mut [f32],
    dv: &'a mut [f32],
    /// `[queries, row]`; q is scaled.
    q: &'a [f32],
    dout: &'a [f32],
}

/// What a block works in.
struct Block<'a> {
    /// `[R, TILE]`.
    weights: &'a mut [f32],
    /// `[R, TILE]`.
    gradients: &'a mut [f32],
    /// `[R, row]`.
    dq: &'a mut [f32],
}

impl Pass<'_> {
    #[inline(always)]
    fn sequence<S: Simd, const R: usize>(
        &mut self,
        simd: S,
        first: usize,
        queries: usize,
        places: Places<'_>,
        dropped: Drops,
    ) {
        let keys = places.len();
        let sizes = Sizes::of(self.shape.head_dim, keys, S::F32_LANES);
        if dropped.is_some() && self.masks.len() < R * keys + TILE {
            self.masks.resize(R * keys + TILE, 0.0);
        }
        let own = Places::Between(first, first + queries);
        let scratch = std::mem::take(&mut self.scratch);
        let mut room = &mut *scratch;
        let k_across = carve(&mut room, sizes.tiles());
        let v_across = carve(&mut room, sizes.tiles());
        let k = carve(&mut room, sizes.keys * sizes.row);
        let dk = carve(&mut room, sizes.keys * sizes.row);
        let dv = carve(&mut room, sizes.keys * sizes.row);
        let q = carve(&mut room, queries * sizes.row);
        let dout = carve(&mut room, queries * sizes.row);
        let mut block = Block {
            weights: carve(&mut room, MOST_ROWS * TILE),
            gradients: carve(&mut room, MOST_ROWS * TILE),
            dq: carve(&mut room, MOST_ROWS * sizes.row),
        };
        for head in 0..self.shape.heads {
            transpose(&self.k, places, head, sizes, k_across);
            transpose(&self.v, places, head, sizes, v_across);
            pad(simd, &self.k, places, head, sizes, k);
            pad(simd, &self.q, own, head, sizes, q);
            scale(simd, q, self.shape.scale);
            pad(simd, &self.dout, own, head, sizes, dout);
            let used = keys.next_multiple_of(R) * sizes.row;
            dk[..used].fill(0.0);
            dv[..used].fill(0.0);
            let mut h = Head { sizes, head, first, queries, keys, dropped, k_across, v_across, k, dk, dv, q, dout };
            let mut i = 0;
            while i < queries {
                let left = queries - i;
                if R == 8 && left >= 8 {
                    self.block::<S, R, 8>(simd, &mut h, i, &mut block);
                    i += 8;
                } else if left >= 4 {
                    self.block::<S, R, 4>(simd, &mut h, i, &mut block);
                    i += 4;
                } else {
                    self.block::<S, R, 1>(simd, &mut h, i, &mut block);
                    i += 1;
                }
            }
            add_rows(simd, dk, places, sizes.row, &mut self.dk, sizes.columns(head));
            add_rows(simd, dv, places, sizes.row, &mut self.dv, sizes.columns(head));
        }
        self.scratch = scratch;
    }

    /// Queries `i..i + R` of a head; gradients of keys and values take J keys at a time.
    #[inline(always)]
    fn block<S: Simd, const J: usize, const R: usize>(
        &mut self,
        simd: S,
        h: &mut Head<'_>,
        i: usize,
        b: &mut Block<'_>,
    ) {
        let Sizes { width, row, .. } = h.sizes;
        let columns = h.sizes.columns(h.head);
        let row_vectors = vectors::<S>(row);
        if let Some((key, rate)) = h.dropped {
            let start = ((h.head * h.queries + i) * h.keys) as u64;
            mask_range(simd, key, rate, start, &mut self.masks[..R * h.keys]);
        }
        let (q, dout) = (&h.q[i * row..], &h.dout[i * row..]);
        b.dq[..R * row].fill(0.0);
        let end = seen(self.mask, i + R - 1, h.queries, h.keys);
        for first in (0..end).step_by(TILE) {
            let count = TILE.min(end - first);
            // Keys are taken J at a time below: the weights of those beyond the last one are zeros.
            let lanes = vectors::<S>(count.next_multiple_of(J)) * S::F32_LANES;
            for (a, across, to) in [(q, h.k_across, &mut *b.weights), (dout, h.v_across, &mut *b.gradients)] {
                let across = Vectors { data: &across[h.sizes.tile(first)..], stride: TILE };
                let to = Vectors { data: to, stride: TILE };
                let a = Scalars { data: a, strides: [row, 1] };
                product::<S, R>(simd, a, across, width, vectors::<S>(lanes), to, Begin::Zero);
            }
            for r in 0..R {
                let at = h.first + i + r;
                let here = seen(self.mask, i + r, h.queries, h.keys).saturating_sub(first).min(count);
                let delta = dot(simd, &dout[r * row..], &self.out.row(at)[columns.clone()]);
                let log_sum = self.log_sum[at * self.shape.heads + h.head];
                let mask = h.dropped.map(|_| &self.masks[r * h.keys + first..][..lanes]);
                let (weights, gradients) = (&mut b.weights[r * TILE..][..lanes], &mut b.gradients[r * TILE..][..lanes]);
                differentiate(simd, weights, gradients, mask, here, log_sum, delta);
            }
            let k = Vectors { data: &h.k[first * row..], stride: row };
            let ds = Scalars { data: &*b.gradients, strides: [TILE, 1] };
            let dq = Vectors { data: &mut *b.dq, stride: row };
            product::<S, R>(simd, ds, k, count, row_vectors, dq, Begin::Output);
            for j in (0..count).step_by(J) {
                let sums = [(&*b.weights, dout, &mut *h.dv), (&*b.gradients, q, &mut *h.dk)];
                for (scalars, rows, to) in sums {
                    let across = Scalars { data: &scalars[j..], strides: [1, TILE] };
                    let rows = Vectors { data: rows, stride: row };
                    let to = Vectors { data: &mut to[(first + j) * row..], stride: row };
                    product::<S, J>(simd, across, rows, R, row_vectors, to, Begin::Output);
                }
            }
        }
        for r in 0..R {
            let dq = &mut b.dq[r * row..][..row];
            scale(simd, dq, self.shape.scale);
            crop_row(simd, dq, &mut self.dq.row_mut(h.first + i + r)[columns.clone()]);
        }
    }
}

/// From scores and the gradients of dropped weights: weights = a m, gradients = a (m gradient - delta), for the first `here` keys, 0 for
/// the others.
#[inline(always)]
fn differentiate<S: Simd>(
    simd: S,
    weights: &mut [f32],
    gradients: &mut [f32],
    mask: Option<&[f32]>,
    here: usize,
    log_sum: f32,
    delta: f32,
) {
    let (log_sum, delta, zero) = (simd.splat_f32s(log_sum), simd.splat_f32s(delta), simd.splat_f32s(0.0));
    let weights = S::as_mut_simd_f32s(weights).0;
    let gradients = S::as_mut_simd_f32s(gradients).0;
    let mask = mask.map(|mask| S::as_simd_f32s(mask).0);
    for (v, (w, g)) in weights.iter_mut().zip(gradients).enumerate() {
        let seen = first_lanes(simd, here.saturating_sub(v * S::F32_LANES)).mask();
        let a = exp(simd, simd.sub_f32s(*w, log_sum));
        let (mut dropped, mut da) = (a, *g);
        if let Some(mask) = mask {
            dropped = simd.mul_f32s(dropped, mask[v]);
            da = simd.mul_f32s(da, mask[v]);
        }
        *w = simd.select_f32s(seen, dropped, zero);
        *g = simd.select_f32s(seen, simd.mul_f32s(a, simd.sub_f32s(da, delta)), zero);
    }
}

/// Inner product of a row filled up with zeros and one as it lies.
#[inline(always)]
fn dot<S: Simd>(simd: S, padded: &[f32], row: &[f32]) -> f32 {
    let padded = S::as_simd_f32s(padded).0;
    let (whole, tail) = S::as_simd_f32s(row);
    let mut sum = simd.splat_f32s(0.0);
    for (a, b) in padded.iter().zip(whole) {
        sum = simd.mul_add_e_f32s(*a, *b, sum);
    }
    if !tail.is_empty() {
        sum = simd.mul_add_e_f32s(padded[whole.len()], load_first(simd, tail), sum);
    }
    simd.reduce_sum_f32s(sum)
}

/// The columns of the rows at `places` += from: `[rows, stride]`.
#[inline(always)]
fn add_rows<S: Simd>(
    simd: S,
    from: &[f32],
    places: Places<'_>,
    stride: usize,
    to: &mut RowsMut<'_>,
    columns: std::ops::Range<usize>,
) {
    for (j, from) in from.chunks_exact(stride).take(places.len()).enumerate() {
        let to = &mut to.row_mut(places.row(j))[columns.clone()];
        let (to, to_tail) = S::as_mut_simd_f32s(to);
        let (vectors, _) = S::as_simd_f32s(from);
        for (to, x) in to.iter_mut().zip(vectors) {
            *to = simd.add_f32s(*to, *x);
        }
        let done = to.len() * S::F32_LANES;
        for (to, x) in to_tail.iter_mut().zip(&from[done..]) {
            *to += x;
        }
    }
}
