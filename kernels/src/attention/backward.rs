//! The adjoint: with a the weights, m their mask, delta = dout . out,
//! dv += (a m)' dout, da = m dout v', ds = a (da - delta), dq = scale ds k, dk += scale ds' q.

use super::across_backward;
use super::forward::Drops;
use super::pack::{Sizes, add, crop, pad, transpose};
use super::{AttentionScratch, AttentionShape, Dropped, FEWEST_ROWS, MOST_ROWS, Mask, Places, Spans, TILE, seen, tall};
use crate::dropout::{DropoutKey, mask_into};
use crate::exp::exp_at_most_88;
use crate::product::{Begin, Scalars, Vectors, product};
use crate::scratch::{LINE, carve};
use crate::vectors::{first_lanes, load_first, vectors};
use crate::{Isa, Rows, RowsMut, trace};
use pulp::{Simd, WithSimd};
use std::ops::Range;

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
    let _span = trace::kernel("attention_backward", [q.rows, k.rows, shape.heads, shape.head_dim])
        .multiply_adds(|| 5 * spans.pairs() * shape.channels());
    spans.check(&q, &k);
    let (queries, keys) = ((q.rows, q.cols), (k.rows, k.cols));
    assert_eq!((v.rows, v.cols), keys, "shapes of values and keys");
    assert_eq!([(out.rows, out.cols), (dout.rows, dout.cols), (dq.rows, dq.cols)], [queries; 3], "out, dout, dq");
    assert_eq!([(dk.rows, dk.cols), (dv.rows, dv.cols)], [keys; 2], "shapes of dk and dv");
    [q, k, v, out, dout, dq.as_rows(), dk.as_rows(), dv.as_rows()].iter().for_each(Rows::assert_whole);
    assert_eq!(log_sum.len(), q.rows * shape.heads, "a log-sum a query and head");
    if let Some(dropped) = dropout {
        assert_eq!(dropped.keys.len(), kv_ranges.len(), "a dropout key a query sequence");
    }
    let largest = spans.sequences().map(|(_, queries, places)| room(shape, queries, places.len())).max();
    let AttentionScratch { values, masks, .. } = scratch;
    let scratch = values.grown(largest.unwrap_or(0));
    let pass = Pass { isa, shape, mask, q, k, v, out, log_sum, dout, dq, dk, dv, scratch, masks };
    isa.vectorize(Sequences { pass, spans, dropout });
}

/// Scratch for a sequence by either body; of blocks, in the widest vectors: keys and values transposed; keys and their two gradients; q, dout and dq; a tile's
/// weights and their gradients; deltas.
fn room(shape: &AttentionShape, queries: usize, keys: usize) -> usize {
    let sizes = Sizes::of(shape.head_dim, keys, LINE);
    let blocks = 2 * sizes.tiles() + (3 * sizes.keys + 3 * filled(queries)) * sizes.row + 2 * SPAN * TILE;
    (blocks + queries.next_multiple_of(LINE)).max(across_backward::room(shape.head_dim, queries, keys))
}

/// Queries whose weights over a tile are kept at a time: they, their gradients, and q and dout of a head of 40 channels stay in a
/// second-level cache with room to spare.
pub(super) const SPAN: usize = 64;

/// Rows of a head's queries: a block may begin anywhere and reach beyond the last one.
fn filled(queries: usize) -> usize {
    queries + MOST_ROWS
}

/// Operands of all sequences and heads.
pub(super) struct Pass<'a> {
    pub isa: Isa,
    pub shape: &'a AttentionShape,
    pub mask: Mask,
    pub q: Rows<'a>,
    pub k: Rows<'a>,
    pub v: Rows<'a>,
    pub out: Rows<'a>,
    pub log_sum: &'a [f32],
    pub dout: Rows<'a>,
    pub dq: RowsMut<'a>,
    pub dk: RowsMut<'a>,
    pub dv: RowsMut<'a>,
    pub scratch: &'a mut [f32],
    pub masks: &'a mut Vec<f32>,
}

/// A pass over sequences.
struct Sequences<'a> {
    pass: Pass<'a>,
    spans: Spans<'a>,
    dropout: Option<Dropped<'a>>,
}

impl WithSimd for Sequences<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Sequences { mut pass, spans, dropout } = self;
        for (s, (first, queries, places)) in spans.sequences().enumerate() {
            let dropped = dropout.map(|d| (d.keys[s], d.p));
            if dropped.is_none() && across_backward::pays::<S>(queries, pass.shape.head_dim) {
                pass.across::<S>(simd, first, queries, places);
            } else if const { tall::<S>() } {
                pass.sequence::<S, MOST_ROWS>(simd, first, queries, places, dropped);
            } else {
                pass.sequence::<S, FEWEST_ROWS>(simd, first, queries, places, dropped);
            }
        }
    }
}

/// One head of one sequence, packed, and what it accumulates. Queries are filled up with zero rows to whole blocks.
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
    dq: &'a mut [f32],
    /// dout . out of each query.
    deltas: &'a [f32],
    /// A tile's weights and their gradients, `[SPAN, TILE]`.
    weights: &'a mut [f32],
    gradients: &'a mut [f32],
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
        if queries == 0 {
            return;
        }
        let sizes = Sizes::of(self.shape.head_dim, keys, S::F32_LANES);
        let filled = filled(queries);
        let own = Places::Between(first, first + queries);
        let scratch = std::mem::take(&mut self.scratch);
        let mut room = &mut *scratch;
        let k_across = carve(&mut room, sizes.tiles());
        let v_across = carve(&mut room, sizes.tiles());
        let k = carve(&mut room, sizes.keys * sizes.row);
        let dk = carve(&mut room, sizes.keys * sizes.row);
        let dv = carve(&mut room, sizes.keys * sizes.row);
        let q = carve(&mut room, filled * sizes.row);
        let dout = carve(&mut room, filled * sizes.row);
        let dq = carve(&mut room, filled * sizes.row);
        let weights = carve(&mut room, SPAN * TILE);
        let gradients = carve(&mut room, SPAN * TILE);
        let deltas = carve(&mut room, queries);
        for head in 0..self.shape.heads {
            transpose(simd, &self.k, places, head, sizes, k_across);
            transpose(simd, &self.v, places, head, sizes, v_across);
            pad(simd, &self.k, places, head, sizes, 1.0, k);
            pad(simd, &self.q, own, head, sizes, self.shape.scale, q);
            pad(simd, &self.dout, own, head, sizes, 1.0, dout);
            q[queries * sizes.row..].fill(0.0);
            dout[queries * sizes.row..].fill(0.0);
            for (i, (delta, dout)) in deltas.iter_mut().zip(dout.chunks_exact(sizes.row)).enumerate() {
                *delta = dot(simd, dout, &self.out.row(first + i)[sizes.columns(head)]);
            }
            let mut h = Head {
                sizes,
                head,
                first,
                queries,
                keys,
                dropped,
                k_across,
                v_across,
                k,
                dk,
                dv,
                q,
                dout,
                dq,
                deltas,
                weights,
                gradients,
            };
            for tile in (0..keys).step_by(TILE) {
                let from = first_to_see(self.mask, tile, queries, keys);
                for start in (from..queries).step_by(SPAN) {
                    self.tile::<S, R>(simd, &mut h, start..queries.min(start + SPAN), tile);
                }
            }
            for (i, dq) in dq.chunks_exact_mut(sizes.row).take(queries).enumerate() {
                crop(simd, dq, sizes, self.shape.scale, &mut self.dq.row_mut(first + i)[sizes.columns(head)]);
            }
            for (from, to) in [(&*dk, &mut self.dk), (&*dv, &mut self.dv)] {
                for (j, from) in from.chunks_exact(sizes.row).take(keys).enumerate() {
                    add(simd, from, sizes, &mut to.row_mut(places.row(j))[sizes.columns(head)]);
                }
            }
        }
        self.scratch = scratch;
    }

    /// Queries `span`, R at a time, over the keys from `tile` on; then the keys, R at a time, over the queries.
    #[inline(always)]
    fn tile<S: Simd, const R: usize>(&mut self, simd: S, h: &mut Head<'_>, span: Range<usize>, tile: usize) {
        let row = h.sizes.row;
        let count = TILE.min(h.keys - tile);
        let mut i = span.start;
        while i < span.end {
            if R == 8 && span.end - i > FEWEST_ROWS {
                self.block::<S, 8, R>(simd, h, i..span.end.min(i + 8), span.start, tile);
                i += 8;
            } else {
                self.block::<S, FEWEST_ROWS, R>(simd, h, i..span.end.min(i + FEWEST_ROWS), span.start, tile);
                i += FEWEST_ROWS;
            }
        }
        for j in (0..count).step_by(R) {
            // Earlier queries do not see these keys.
            let first = first_to_see(self.mask, tile + j, h.queries, h.keys);
            let i = first.max(span.start);
            if i >= span.end {
                break;
            }
            let begin = if first >= span.start { Begin::Zero } else { Begin::Output };
            let sums = [(&*h.weights, h.dout, &mut *h.dv), (&*h.gradients, h.q, &mut *h.dk)];
            for (scalars, rows, to) in sums {
                let across = Scalars { data: &scalars[(i - span.start) * TILE + j..], strides: [1, TILE] };
                let rows = Vectors { data: &rows[i * row..], stride: row };
                let to = Vectors { data: &mut to[(tile + j) * row..], stride: row };
                product::<S, R>(simd, across, rows, span.end - i, vectors::<S>(row), to, begin);
            }
        }
    }

    /// Weights, their gradients and dq of at most B queries over the keys of a tile that one of them sees. Keys are then taken J at a
    /// time: weights of those beyond the last one are zeros.
    #[inline(always)]
    fn block<S: Simd, const B: usize, const J: usize>(
        &mut self,
        simd: S,
        h: &mut Head<'_>,
        queries: Range<usize>,
        span_start: usize,
        tile: usize,
    ) {
        let Sizes { width, row, .. } = h.sizes;
        let (i, live) = (queries.start, queries.len());
        let sees = |i| seen(self.mask, i, h.queries, h.keys).saturating_sub(tile).min(TILE);
        let count = sees(queries.end - 1);
        let lanes = vectors::<S>(count.next_multiple_of(J)) * S::F32_LANES;
        let (q, dout) = (&h.q[i * row..], &h.dout[i * row..]);
        let at = (i - span_start) * TILE;
        let (weights, gradients) = (&mut h.weights[at..], &mut h.gradients[at..]);
        for (a, across, to) in [(q, h.k_across, &mut *weights), (dout, h.v_across, &mut *gradients)] {
            let across = Vectors { data: &across[h.sizes.tile(tile)..], stride: TILE };
            let (a, to) = (Scalars { data: a, strides: [row, 1] }, Vectors { data: to, stride: TILE });
            product::<S, B>(simd, a, across, width, vectors::<S>(lanes), to, Begin::Zero);
        }
        let stride = h.dropped.map_or(0, |drops| {
            let sequence = [h.head, h.queries, h.keys];
            fill_masks(self.isa, drops, sequence, queries.clone(), tile..h.keys.min(tile + TILE), self.masks)
        });
        for r in 0..live {
            let log_sum = self.log_sum[(h.first + i + r) * self.shape.heads + h.head];
            let mask = h.dropped.map(|_| &self.masks[r * stride..][..lanes]);
            let (weights, gradients) = (&mut weights[r * TILE..][..lanes], &mut gradients[r * TILE..][..lanes]);
            differentiate(simd, weights, gradients, mask, sees(i + r), log_sum, h.deltas[i + r]);
        }
        let k = Vectors { data: &h.k[tile * row..], stride: row };
        let ds = Scalars { data: gradients, strides: [TILE, 1] };
        let dq = Vectors { data: &mut h.dq[i * row..], stride: row };
        let begin = if tile == 0 { Begin::Zero } else { Begin::Output };
        product::<S, B>(simd, ds, k, count, vectors::<S>(row), dq, begin);
    }
}

/// The first of `queries` that sees a key.
#[inline(always)]
pub(super) fn first_to_see(mask: Mask, key: usize, queries: usize, keys: usize) -> usize {
    match mask {
        Mask::None => 0,
        Mask::Causal => key.saturating_sub(keys - queries),
    }
}

/// Masks of a block's weights over a tile's keys, [head, queries, keys] being the sequence's; returns how far apart rows are.
#[inline(always)]
fn fill_masks(
    isa: Isa,
    (key, p): (DropoutKey, f32),
    [head, queries, keys]: [usize; 3],
    rows: Range<usize>,
    columns: Range<usize>,
    masks: &mut Vec<f32>,
) -> usize {
    let number = |i: usize| ((head * queries + i) * keys + columns.start) as u64;
    let stride = if columns.len() == keys { keys } else { TILE };
    if masks.len() < rows.len() * stride + TILE {
        masks.resize(rows.len() * stride + TILE, 0.0);
    }
    if columns.len() == keys {
        // Whole rows follow each other in the mask.
        mask_into(isa, key, p, number(rows.start), &mut masks[..rows.len() * keys]);
    } else {
        for (i, row) in rows.zip(masks.chunks_exact_mut(TILE)) {
            mask_into(isa, key, p, number(i), &mut row[..columns.len()]);
        }
    }
    stride
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
        let a = exp_at_most_88(simd, simd.sub_f32s(*w, log_sum));
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
