//! The outputs: which body takes a sequence, and the one that takes a block of queries at a time.

use super::across;
use super::few::{self, FEW};
use super::pack::{Sizes, crop, pad, scale, transpose};
use super::{AttentionScratch, AttentionShape, Dropped, FEWEST_ROWS, MOST_ROWS, Mask, Places, Spans, TILE, seen, tall};
use crate::dropout::{DropoutKey, mask_into};
use crate::exp::exp_at_most_88;
use crate::ln::ln_from_1;
use crate::product::{Begin, Scalars, Vectors, product};
use crate::scratch::{LINE, carve};
use crate::vectors::{first_lanes, vectors};
use crate::{Isa, Rows, RowsMut, trace, work};
use pulp::{Simd, WithSimd};

/// out = attention; log_sum, if wanted, = logarithm of the sum of exponentiated scores, `[queries, heads]`, for the adjoint.
///
/// q, out: `[queries, heads * head_dim]`, k, v: `[keys, heads * head_dim]`; query sequence s has rows `q_offsets[s]..q_offsets[s + 1]`
/// and reads the keys and values of rows `kv_ranges[s].0..kv_ranges[s].1`. Panics where sizes disagree, or a query sees no key.
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
    log_sum: Option<&mut [f32]>,
    scratch: &mut AttentionScratch,
) {
    let _span = trace::kernel("attention", [q.rows, k.rows, shape.heads, shape.head_dim]);
    let spans = Spans { shape, mask, q_offsets, kv_ranges };
    spans.check(&q, &k);
    assert_eq!((v.rows, v.cols), (k.rows, k.cols), "shapes of values and keys");
    [q, k, v, out.as_rows()].iter().for_each(Rows::assert_whole);
    assert_eq!((out.rows, out.cols), (q.rows, q.cols), "shapes of out and q");
    if let Some(log_sum) = &log_sum {
        assert_eq!(log_sum.len(), q.rows * shape.heads, "a log-sum a query and head");
    }
    if let Some(dropped) = dropout {
        assert_eq!(dropped.keys.len(), kv_ranges.len(), "a dropout key a query sequence");
    }
    work::add(2 * spans.pairs() * shape.channels());
    let largest = spans.sequences().map(|(_, queries, places)| room(shape, queries, places.len())).max();
    let AttentionScratch { values, masks, running } = scratch;
    let scratch = values.grown(largest.unwrap_or(0));
    let pass = Pass { isa, shape, mask, q, k, v, out, log_sum, scratch, masks, running };
    isa.vectorize(Sequences { pass, spans, dropout });
}

/// One query over remembered keys: `history` lists their rows in k and v, in the order of positions. q, out: `[heads * head_dim]`.
/// The same bits as the causal pass gives for this row.
pub fn attention_gather(
    isa: Isa,
    shape: &AttentionShape,
    q: &[f32],
    k: Rows<'_>,
    v: Rows<'_>,
    history: &[u32],
    out: &mut [f32],
    scratch: &mut AttentionScratch,
) {
    let _span = trace::kernel("attention_gather", [1, history.len(), shape.heads, shape.head_dim]);
    let channels = shape.channels();
    assert_eq!((k.cols, v.cols), (channels, channels), "{shape:?}: channels of keys and values");
    assert!(!history.is_empty(), "a query without keys");
    work::add(2 * history.len() * channels);
    let (q, out) = (Rows::new(q, 1, channels), RowsMut::new(out, 1, channels));
    let AttentionScratch { values, masks, running } = scratch;
    let scratch = values.grown(few::room(shape.heads, channels));
    let pass = Pass { isa, shape, mask: Mask::None, q, k, v, out, log_sum: None, scratch, masks, running };
    isa.vectorize(Step { pass, history });
}

/// Scratch for a sequence by whichever body takes the most; of blocks, in the widest vectors: keys transposed, values, queries, weights and
/// outputs of a block.
fn room(shape: &AttentionShape, queries: usize, keys: usize) -> usize {
    let sizes = Sizes::of(shape.head_dim, keys, LINE);
    let blocks = (keys + queries.next_multiple_of(FEWEST_ROWS) + MOST_ROWS) * sizes.row + MOST_ROWS * TILE;
    (sizes.tiles() + blocks).max(few::room(shape.heads, shape.channels())).max(across::room(shape.head_dim))
}

/// Operands of all sequences and heads.
pub(super) struct Pass<'a> {
    pub isa: Isa,
    pub shape: &'a AttentionShape,
    pub mask: Mask,
    pub q: Rows<'a>,
    pub k: Rows<'a>,
    pub v: Rows<'a>,
    pub out: RowsMut<'a>,
    pub log_sum: Option<&'a mut [f32]>,
    pub scratch: &'a mut [f32],
    pub masks: &'a mut Vec<f32>,
    pub running: &'a mut Vec<Running>,
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
            let whole = dropped.is_none();
            let ahead = if whole { across::queries_for::<S>(queries) } else { 0 };
            if ahead > 0 {
                pass.across::<S>(simd, first, queries, ahead, places);
            }
            let left = queries - ahead;
            if left == 0 {
                continue;
            }
            if whole && left <= FEW {
                pass.last_few::<S>(simd, first, queries, left, places);
                continue;
            }
            debug_assert_eq!(ahead, 0, "across lanes go all queries, or all but a few");
            if const { tall::<S>() } {
                pass.sequence::<S, MOST_ROWS>(simd, first, queries, places, dropped);
            } else {
                pass.sequence::<S, FEWEST_ROWS>(simd, first, queries, places, dropped);
            }
        }
    }
}

struct Step<'a> {
    pass: Pass<'a>,
    history: &'a [u32],
}

impl WithSimd for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        self.pass.few::<S, 1>(simd, 0, Places::Listed(self.history), None);
    }
}

/// A mask's key, and the probability to drop a weight. Masks are made by a call, not inline: their code is long, and would keep the
/// compiler from inlining what is around it.
pub(super) type Drops = Option<(DropoutKey, f32)>;

/// One head of one sequence, packed.
struct Head<'a> {
    sizes: Sizes,
    head: usize,
    /// First row of the sequence in q and out.
    first: usize,
    queries: usize,
    keys: usize,
    dropped: Drops,
    /// `[tiles, channels, TILE]`.
    k: &'a [f32],
    /// `[keys, row]`.
    v: &'a [f32],
    /// `[queries, row]`, scaled; filled up with zero rows to whole blocks.
    q: &'a [f32],
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
        let scratch = std::mem::take(&mut self.scratch);
        let mut room = &mut *scratch;
        let k = carve(&mut room, sizes.tiles());
        let v = carve(&mut room, keys * sizes.row);
        let q = carve(&mut room, queries.next_multiple_of(FEWEST_ROWS) * sizes.row);
        let weights = carve(&mut room, MOST_ROWS * TILE);
        let out = carve(&mut room, MOST_ROWS * sizes.row);
        for head in 0..self.shape.heads {
            transpose(simd, &self.k, places, head, sizes, k);
            pad(simd, &self.v, places, head, sizes, 1.0, v);
            pad(simd, &self.q, Places::Between(first, first + queries), head, sizes, self.shape.scale, q);
            q[queries * sizes.row..].fill(0.0);
            let packed = Head { sizes, head, first, queries, keys, dropped, k, v, q };
            let mut i = 0;
            while i < queries {
                if R == MOST_ROWS && queries - i > FEWEST_ROWS {
                    self.block::<S, MOST_ROWS>(simd, &packed, i, weights, out);
                    i += MOST_ROWS;
                } else {
                    self.block::<S, FEWEST_ROWS>(simd, &packed, i, weights, out);
                    i += FEWEST_ROWS;
                }
            }
        }
        self.scratch = scratch;
    }

    /// Queries `i..i + R` of a head, or as many as there are.
    #[inline(always)]
    fn block<S: Simd, const R: usize>(
        &mut self,
        simd: S,
        h: &Head<'_>,
        i: usize,
        weights: &mut [f32],
        out: &mut [f32],
    ) {
        let Sizes { width, row, .. } = h.sizes;
        let live = R.min(h.queries - i);
        if let Some((key, p)) = h.dropped {
            let start = ((h.head * h.queries + i) * h.keys) as u64;
            mask_into(self.isa, key, p, start, &mut self.masks[..live * h.keys]);
        }
        let mut running = [Running::START; R];
        let end = seen(self.mask, i + live - 1, h.queries, h.keys);
        let q = Scalars { data: &h.q[i * row..], strides: [row, 1] };
        for first in (0..end).step_by(TILE) {
            let count = TILE.min(end - first);
            let columns = vectors::<S>(count);
            let k = Vectors { data: &h.k[h.sizes.tile(first)..], stride: TILE };
            let scores = Vectors { data: &mut *weights, stride: TILE };
            product::<S, R>(simd, q, k, width, columns, scores, Begin::Zero);
            for (r, running) in running.iter_mut().take(live).enumerate() {
                let weights = &mut weights[r * TILE..][..columns * S::F32_LANES];
                let here = seen(self.mask, i + r, h.queries, h.keys).saturating_sub(first).min(count);
                let shrink = running.exponentiate(simd, weights, here);
                if first > 0 && shrink != 1.0 {
                    scale(simd, &mut out[r * row..][..row], shrink);
                }
                if h.dropped.is_some() {
                    let mask = &self.masks[r * h.keys + first..][..weights.len()];
                    for (w, m) in S::as_mut_simd_f32s(weights).0.iter_mut().zip(S::as_simd_f32s(mask).0) {
                        *w = simd.mul_f32s(*w, *m);
                    }
                }
            }
            let weights = Scalars { data: weights, strides: [TILE, 1] };
            let v = Vectors { data: &h.v[first * row..], stride: row };
            let sums = Vectors { data: &mut *out, stride: row };
            let begin = if first == 0 { Begin::Zero } else { Begin::Output };
            product::<S, R>(simd, weights, v, count, vectors::<S>(row), sums, begin);
        }
        for (r, running) in running.iter().take(live).enumerate() {
            let at = h.first + i + r;
            let to = &mut self.out.row_mut(at)[h.sizes.columns(h.head)];
            crop(simd, &out[r * row..][..row], h.sizes, 1.0 / running.sum, to);
            if let Some(log_sum) = &mut self.log_sum {
                log_sum[at * self.shape.heads + h.head] = running.log_sum(simd);
            }
        }
    }
}

/// A query's softmax so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    /// The largest score.
    most: f32,
    /// Sum of e^(score - most).
    pub sum: f32,
}

impl Running {
    /// Of no scores.
    pub const START: Running = Running { most: f32::NEG_INFINITY, sum: 0.0 };

    /// Logarithm of the sum of e^score.
    #[inline(always)]
    pub fn log_sum<S: Simd>(self, simd: S) -> f32 {
        // All lanes are alike.
        self.most + simd.reduce_max_f32s(ln_from_1(simd, simd.splat_f32s(self.sum)))
    }

    /// weights = e^(score - most) of the first `here` keys, 0 of the others; returns what earlier weights and sums are to be multiplied by.
    #[inline(always)]
    pub fn exponentiate<S: Simd>(&mut self, simd: S, weights: &mut [f32], here: usize) -> f32 {
        let weights = S::as_mut_simd_f32s(weights).0;
        let lowest = simd.splat_f32s(f32::NEG_INFINITY);
        let mut most = lowest;
        for (v, w) in weights.iter_mut().enumerate() {
            let keys = here.saturating_sub(v * S::F32_LANES);
            if keys < S::F32_LANES {
                *w = simd.select_f32s(first_lanes(simd, keys).mask(), *w, lowest);
            }
            most = simd.max_f32s(most, *w);
        }
        let most = self.most.max(simd.reduce_max_f32s(most));
        let mut sum = simd.splat_f32s(0.0);
        for w in weights {
            *w = exponentiated(simd, *w, simd.splat_f32s(most));
            sum = simd.add_f32s(sum, *w);
        }
        let shrink = if self.most == most || self.most == f32::NEG_INFINITY {
            1.0
        } else {
            simd.reduce_max_f32s(exponentiated(simd, simd.splat_f32s(self.most), simd.splat_f32s(most)))
        };
        self.sum = self.sum * shrink + simd.reduce_sum_f32s(sum);
        self.most = most;
        shrink
    }
}

/// e^(score - most), which is at most 1; 0 where the score is -infinity.
#[inline(always)]
pub(super) fn exponentiated<S: Simd>(simd: S, score: S::f32s, most: S::f32s) -> S::f32s {
    exp_at_most_88(simd, simd.sub_f32s(score, most))
}
