//! Queries across the lanes of vectors, for processors with wide ones.
//!
//! Scores are held keys by queries: a key's channel meets those of sixteen queries or thirty-two. Maxima and sums then run down the keys and
//! need nothing from across a vector, keys and values are read where they lie, and a head of 20 channels takes 20 rows of outputs instead of
//! two vectors. Queries are turned once, outputs turned back. Every sum has the order that it has in the pass over blocks, and so the same
//! bits.

use super::few::FEW;
use super::forward::{Pass, exponentiated};
use super::{Mask, Places, TILE, seen};
use crate::columns::{Columns, store_four};
use crate::ln::ln_from_1;
use crate::product::{Begin, Scalars, Vectors, product};
use crate::scratch::{LINE, carve};
use crate::vectors::first_lanes;
use crate::{Rows, RowsMut};
use pulp::Simd;

/// The lanes of the vectors for which it pays.
pub(super) const LANES: usize = 16;

/// Vectors of queries that are worked on at a time, as a tile of the matrix product has them.
pub(super) const WIDEST: usize = 2;

/// Fewer queries than this fill too little of a vector: measured on Zen 4, nine are 1.1 to 2.4 times as fast as in blocks.
const FEWEST: usize = 9;

/// How many of a sequence's queries go across lanes, from the first on: what is left is none, or few that are faster without.
#[inline(always)]
pub(super) fn queries_for<S: Simd>(queries: usize) -> usize {
    match queries % LANES {
        _ if S::F32_LANES != LANES || queries < FEWEST => 0,
        left if left <= FEW => queries - left,
        _ => queries,
    }
}

/// Scratch: queries, weights and outputs of a strip.
pub(super) fn room(width: usize) -> usize {
    (2 * width + TILE) * WIDEST * LANES + 3 * LINE
}

/// One head of one sequence.
struct Head<'a> {
    head: usize,
    /// First rows of the sequence: of q, of k and v.
    first: usize,
    start: usize,
    queries: usize,
    /// How many of them are worked on.
    ahead: usize,
    keys: usize,
    /// `[channels, lanes]`.
    q: &'a mut [f32],
    /// `[TILE, lanes]`.
    weights: &'a mut [f32],
    /// `[channels, lanes]`.
    out: &'a mut [f32],
}

impl Pass<'_> {
    /// The first `ahead` queries of a sequence whose queries are those from `first` on. Without dropout.
    #[inline(always)]
    pub(super) fn across<S: Simd>(&mut self, simd: S, first: usize, queries: usize, ahead: usize, places: Places<'_>) {
        let width = self.shape.head_dim;
        let scratch = std::mem::take(&mut self.scratch);
        let mut room = &mut *scratch;
        let q = carve(&mut room, width * WIDEST * LANES);
        let weights = carve(&mut room, TILE * WIDEST * LANES);
        let out = carve(&mut room, width * WIDEST * LANES);
        let (start, keys) = (places.row(0), places.len());
        let mut h = Head { head: 0, first, start, queries, ahead, keys, q, weights, out };
        for head in 0..self.shape.heads {
            h.head = head;
            let mut i = 0;
            while i < ahead {
                i += if wide(self.mask, ahead - i) {
                    self.strip::<S, 2>(simd, &mut h, i)
                } else {
                    self.strip::<S, 1>(simd, &mut h, i)
                };
            }
        }
        self.scratch = scratch;
    }

    /// V vectors of queries from i on; returns how many queries these are.
    #[inline(always)]
    fn strip<S: Simd, const V: usize>(&mut self, simd: S, h: &mut Head<'_>, i: usize) -> usize {
        let (width, lanes) = (self.shape.head_dim, V * LANES);
        let live = lanes.min(h.ahead - i);
        let column = h.head * width;
        turn::<S, V>(simd, &self.q, h.first + i, live, column..column + width, self.shape.scale, h.q);
        let end = seen(self.mask, i + live - 1, h.queries, h.keys);
        let mut most = [simd.splat_f32s(f32::NEG_INFINITY); V];
        let mut sum = [simd.splat_f32s(0.0); V];
        for tile in (0..end).step_by(TILE) {
            let count = TILE.min(end - tile);
            scores::<S, V>(simd, &self.k, h.start + tile, count, column, width, h.q, h.weights, lanes);
            if self.mask == Mask::Causal {
                hide::<S, V>(simd, h.weights, tile, count, seen(self.mask, i, h.queries, h.keys));
            }
            let shrink = exponentiate::<S, V>(simd, &mut h.weights[..count * lanes], &mut most, &mut sum);
            if tile > 0 {
                multiply::<S, V>(simd, &mut h.out[..width * lanes], shrink);
            }
            let v = &self.v.data[(h.start + tile) * self.v.stride + column..];
            let begin = if tile == 0 { Begin::Zero } else { Begin::Output };
            let weights = Vectors { data: &*h.weights, stride: lanes };
            mix::<S, V>(simd, v, self.v.stride, count, weights, width, h.out, begin);
        }
        let mut share = sum;
        for share in &mut share {
            *share = simd.div_f32s(simd.splat_f32s(1.0), *share);
        }
        multiply::<S, V>(simd, &mut h.out[..width * lanes], share);
        turn_back::<S, V>(&h.out[..width * lanes], &mut self.out, h.first + i, live, column, Begin::Zero);
        if let Some(log_sum) = &mut self.log_sum {
            for v in 0..V {
                let mut values = [0.0; LANES];
                S::as_mut_simd_f32s(&mut values).0[0] = simd.add_f32s(most[v], ln_from_1(simd, sum[v]));
                let first = h.first + i + v * LANES;
                for (lane, value) in values.iter().take(live.saturating_sub(v * LANES)).enumerate() {
                    log_sum[(first + lane) * self.shape.heads + h.head] = *value;
                }
            }
        }
        live
    }
}

/// Whether so many queries are worked on two vectors at a time. Where later queries see more keys, one vector meets fewer that it does not see.
#[inline(always)]
pub(super) fn wide(mask: Mask, queries: usize) -> bool {
    mask == Mask::None && queries > LANES
}

/// to: `[channels, V vectors]` = factor x these channels of `live` rows from `first` on, and of the last of them beyond.
#[inline(always)]
pub(super) fn turn<S: Simd, const V: usize>(
    simd: S,
    x: &Rows<'_>,
    first: usize,
    live: usize,
    channels: std::ops::Range<usize>,
    factor: f32,
    to: &mut [f32],
) {
    let (width, factor) = (channels.len(), simd.splat_f32s(factor));
    let to = &mut S::as_mut_simd_f32s(&mut to[..width * V * LANES]).0[..width * V];
    for v in 0..V {
        let columns = Columns::new::<S>(x, LANES.min(live - v * LANES), |lane| first + v * LANES + lane);
        let mut c = 0;
        while c + 4 <= width {
            for (e, column) in columns.four(simd, channels.start + c).into_iter().enumerate() {
                to[(c + e) * V + v] = simd.mul_f32s(column, factor);
            }
            c += 4;
        }
        for c in c..width {
            to[c * V + v] = simd.mul_f32s(columns.one(simd, channels.start + c), factor);
        }
    }
}

/// Columns `column..` of `live` rows of `to` from `first` on = or += x: `[channels, V vectors]`.
#[inline(always)]
pub(super) fn turn_back<S: Simd, const V: usize>(
    x: &[f32],
    to: &mut RowsMut<'_>,
    first: usize,
    live: usize,
    column: usize,
    begin: Begin,
) {
    let lanes = V * LANES;
    let width = x.len() / lanes;
    let whole = width - width % 4;
    for c in (0..whole).step_by(4) {
        let four = S::as_simd_f32s(&x[c * lanes..][..4 * lanes]).0;
        for v in 0..V {
            let four = [four[v], four[V + v], four[2 * V + v], four[3 * V + v]];
            let count = LANES.min(live.saturating_sub(v * LANES));
            store_four::<S>(four, to, first + v * LANES, count, column + c, begin);
        }
    }
    for c in whole..width {
        for (lane, value) in x[c * lanes..][..live].iter().enumerate() {
            let to = &mut to.row_mut(first + lane)[column + c];
            *to = if begin == Begin::Zero { *value } else { *to + *value };
        }
    }
}

/// to: `[keys, V vectors]`, rows `stride` apart, = the inner products of `count` rows of k from `row` on with queries: `[channels, V vectors]`.
#[inline(always)]
pub(super) fn scores<S: Simd, const V: usize>(
    simd: S,
    k: &Rows<'_>,
    row: usize,
    count: usize,
    column: usize,
    width: usize,
    queries: &[f32],
    to: &mut [f32],
    stride: usize,
) {
    let queries = Vectors { data: queries, stride: V * LANES };
    let mut j = 0;
    while j < count {
        // The last block begins early enough to be whole: its first keys come twice.
        let rows = match count - j {
            5.. if count >= 8 => 8,
            _ if count >= 4 => 4,
            _ => 1,
        };
        let at = j.min(count - rows);
        let keys = Scalars { data: &k.data[(row + at) * k.stride + column..], strides: [k.stride, 1] };
        let to = Vectors { data: &mut to[at * stride..], stride };
        match rows {
            8 => product::<S, 8>(simd, keys, queries, width, V, to, Begin::Zero),
            4 => product::<S, 4>(simd, keys, queries, width, V, to, Begin::Zero),
            _ => product::<S, 1>(simd, keys, queries, width, V, to, Begin::Zero),
        }
        j = at + rows;
    }
}

/// to: `[channels, V vectors]` = or += the sum over `count` keys of values, which lie `stride` apart, times weights: `[keys, V vectors]`.
#[inline(always)]
pub(super) fn mix<S: Simd, const V: usize>(
    simd: S,
    values: &[f32],
    stride: usize,
    count: usize,
    weights: Vectors<&[f32]>,
    width: usize,
    to: &mut [f32],
    begin: Begin,
) {
    let lanes = V * LANES;
    let mut c = 0;
    while c < width {
        let values = Scalars { data: &values[c..], strides: [1, stride] };
        let to = Vectors { data: &mut to[c * lanes..], stride: lanes };
        match width - c {
            8.. => product::<S, 8>(simd, values, weights, count, V, to, begin),
            4.. => product::<S, 4>(simd, values, weights, count, V, to, begin),
            _ => product::<S, 1>(simd, values, weights, count, V, to, begin),
        }
        c += match width - c {
            8.. => 8,
            4.. => 4,
            _ => 1,
        };
    }
}

/// The queries of vector v that do not see a key: the first query of all sees `least` keys, each next one more.
#[inline(always)]
pub(super) fn blind<S: Simd>(simd: S, key: usize, least: usize, v: usize) -> S::m32s {
    first_lanes(simd, (key + 1).saturating_sub(least + v * LANES).min(LANES)).mask()
}

/// Scores of keys that a query does not see become -infinity. weights: `[count, V vectors]`; the first query sees `least` keys, each next one
/// more.
#[inline(always)]
fn hide<S: Simd, const V: usize>(simd: S, weights: &mut [f32], tile: usize, count: usize, least: usize) {
    let lowest = simd.splat_f32s(f32::NEG_INFINITY);
    for j in least.saturating_sub(tile)..count {
        let row = S::as_mut_simd_f32s(&mut weights[j * V * LANES..][..V * LANES]).0;
        for (v, w) in row.iter_mut().enumerate() {
            *w = simd.select_f32s(blind(simd, tile + j, least, v), lowest, *w);
        }
    }
}

/// weights: `[keys, V vectors]` = e^(score - most); returns what earlier outputs are to be multiplied by.
#[inline(always)]
fn exponentiate<S: Simd, const V: usize>(
    simd: S,
    weights: &mut [f32],
    most: &mut [S::f32s; V],
    sum: &mut [S::f32s; V],
) -> [S::f32s; V] {
    let weights = S::as_mut_simd_f32s(weights).0;
    let before = *most;
    // Four at a time, which do not wait for each other.
    let mut mosts = [before; 4];
    for rows in weights.chunks(4 * V) {
        for (most, row) in mosts.iter_mut().zip(rows.chunks_exact(V)) {
            for (most, w) in most.iter_mut().zip(row) {
                *most = simd.max_f32s(*most, *w);
            }
        }
    }
    for (v, most) in most.iter_mut().enumerate() {
        let pairs = [simd.max_f32s(mosts[0][v], mosts[1][v]), simd.max_f32s(mosts[2][v], mosts[3][v])];
        *most = simd.max_f32s(pairs[0], pairs[1]);
    }
    for row in weights.chunks_exact_mut(V) {
        for (most, w) in most.iter().zip(row) {
            *w = exponentiated(simd, *w, *most);
        }
    }
    // As a vector of keys is summed: those a vector apart first, then halves.
    let mut sums = [[simd.splat_f32s(0.0); V]; LANES];
    for keys in weights.chunks(V * LANES) {
        for (sums, row) in sums.iter_mut().zip(keys.chunks_exact(V)) {
            for (sum, w) in sums.iter_mut().zip(row) {
                *sum = simd.add_f32s(*sum, *w);
            }
        }
    }
    let mut half = LANES / 2;
    while half > 0 {
        let (low, high) = sums.split_at_mut(half);
        for (low, high) in low.iter_mut().zip(high) {
            for (low, high) in low.iter_mut().zip(high) {
                *low = simd.add_f32s(*low, *high);
            }
        }
        half /= 2;
    }
    let mut shrink = before;
    for v in 0..V {
        shrink[v] = exponentiated(simd, before[v], most[v]);
        sum[v] = simd.add_f32s(simd.mul_f32s(sum[v], shrink[v]), sums[0][v]);
    }
    shrink
}

/// x: `[rows, V vectors]` *= factor.
#[inline(always)]
pub(super) fn multiply<S: Simd, const V: usize>(simd: S, x: &mut [f32], factor: [S::f32s; V]) {
    for row in S::as_mut_simd_f32s(x).0.chunks_exact_mut(V) {
        for (x, factor) in row.iter_mut().zip(factor) {
            *x = simd.mul_f32s(*x, factor);
        }
    }
}
