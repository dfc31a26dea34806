//! The adjoint with queries across the lanes of vectors, as [`super::across`] has them.
//!
//! Weights and their gradients are held keys by queries, and the gradients of queries are mixed from keys where they lie. Turned, they are
//! held queries by keys, and the gradients of keys and values are mixed from queries and the gradients of outputs in the same way.

use super::across::{LANES, WIDEST, blind, mix, multiply, scores, turn, turn_back, wide};
use super::backward::{Pass, SPAN, first_to_see};
use super::forward::exponentiated;
use super::{Mask, Places, TILE, seen};
use crate::product::{Begin, Vectors};
use crate::scratch::carve;
use crate::{Rows, RowsMut};
use pulp::Simd;
use std::ops::Range;

/// Whether queries of a sequence go across lanes: not where many lanes would be empty, nor where the channels of a head fill vectors, whose
/// sums over queries then need no turning. Measured on Zen 4 at 9 to 300 queries of heads of 20, 40 and 64 channels.
#[inline(always)]
pub(super) fn pays<S: Simd>(queries: usize, width: usize) -> bool {
    let last = (queries.max(1) - 1) % LANES + 1;
    S::F32_LANES == LANES && !width.is_multiple_of(LANES) && (queries > STRIP || last > LANES / 2)
}

/// Scratch: queries, the gradients of outputs and those of queries, keys and values, turned; the outputs of a strip; a tile's weights and their
/// gradients, and a strip of one of them turned; what is known of queries.
pub(super) fn room(width: usize, queries: usize, keys: usize) -> usize {
    let (queries, keys) = (filled(queries), filled(keys));
    // Whole strips are whole lines, whatever their width.
    (3 * queries + 2 * keys + STRIP) * width + (2 * TILE + STRIP) * SPAN + 2 * queries
}

/// Queries or keys, to whole strips.
fn filled(rows: usize) -> usize {
    rows.next_multiple_of(STRIP)
}

/// The most queries or keys that are worked on at a time.
const STRIP: usize = WIDEST * LANES;

/// One head of one sequence.
struct Head<'a> {
    /// Channels of a head, and the first of this one.
    width: usize,
    column: usize,
    /// First rows of the sequence: of q, of k and v.
    first: usize,
    start: usize,
    queries: usize,
    keys: usize,
    /// `[strips, channels, lanes]`; q is scaled.
    q: &'a mut [f32],
    dout: &'a mut [f32],
    dq: &'a mut [f32],
    dk: &'a mut [f32],
    dv: &'a mut [f32],
    /// The logarithm of each query's sum, and dout . out.
    log_sums: &'a mut [f32],
    deltas: &'a mut [f32],
    /// A tile's weights and their gradients, `[TILE, SPAN]`, and a strip of keys of them, `[SPAN, lanes]`.
    weights: &'a mut [f32],
    gradients: &'a mut [f32],
    turned: &'a mut [f32],
}

impl Pass<'_> {
    /// A sequence. Without dropout.
    #[inline(always)]
    pub(super) fn across<S: Simd>(&mut self, simd: S, first: usize, queries: usize, places: Places<'_>) {
        let (start, keys) = (places.row(0), places.len());
        let width = self.shape.head_dim;
        let scratch = std::mem::take(&mut self.scratch);
        let mut room = &mut *scratch;
        let mut h = Head {
            width,
            column: 0,
            first,
            start,
            queries,
            keys,
            q: carve(&mut room, filled(queries) * width),
            dout: carve(&mut room, filled(queries) * width),
            dq: carve(&mut room, filled(queries) * width),
            dk: carve(&mut room, filled(keys) * width),
            dv: carve(&mut room, filled(keys) * width),
            log_sums: carve(&mut room, filled(queries)),
            deltas: carve(&mut room, filled(queries)),
            weights: carve(&mut room, TILE * SPAN),
            gradients: carve(&mut room, TILE * SPAN),
            turned: carve(&mut room, STRIP * SPAN),
        };
        let out = carve(&mut room, STRIP * width);
        for head in 0..self.shape.heads {
            h.column = head * width;
            for (i, log_sum) in h.log_sums.iter_mut().enumerate() {
                *log_sum = self.log_sum[(first + i.min(queries - 1)) * self.shape.heads + head];
            }
            let mut i = 0;
            while i < queries {
                i += if wide(self.mask, queries - i) {
                    self.turn_queries::<S, 2>(simd, &mut h, out, i)
                } else {
                    self.turn_queries::<S, 1>(simd, &mut h, out, i)
                };
            }
            for tile in (0..keys).step_by(TILE) {
                let from = first_to_see(self.mask, tile, queries, keys) / LANES * LANES;
                for i in (from..queries).step_by(SPAN) {
                    self.spread::<S>(simd, &mut h, i..queries.min(i + SPAN), tile);
                }
            }
            let (column, scale) = (h.column, self.shape.scale);
            write_back::<S>(simd, self.mask, h.dq, scale, &mut self.dq, first..first + queries, column, Begin::Zero);
            write_back::<S>(simd, self.mask, h.dk, scale, &mut self.dk, start..start + keys, column, Begin::Output);
            write_back::<S>(simd, self.mask, h.dv, 1.0, &mut self.dv, start..start + keys, column, Begin::Output);
        }
        self.scratch = scratch;
    }

    /// Turns V vectors of queries from i on, and what is known of them; returns how many queries these are.
    #[inline(always)]
    fn turn_queries<S: Simd, const V: usize>(&self, simd: S, h: &mut Head<'_>, out: &mut [f32], i: usize) -> usize {
        let (width, lanes) = (h.width, V * LANES);
        let live = lanes.min(h.queries - i);
        let channels = h.column..h.column + width;
        let (q, dout) = (&mut h.q[i * width..], &mut h.dout[i * width..]);
        turn::<S, V>(simd, &self.q, h.first + i, live, channels.clone(), self.shape.scale, q);
        turn::<S, V>(simd, &self.dout, h.first + i, live, channels.clone(), 1.0, dout);
        turn::<S, V>(simd, &self.out, h.first + i, live, channels, 1.0, out);
        let mut deltas = [simd.splat_f32s(0.0); V];
        let (a, b) = (S::as_simd_f32s(&dout[..width * lanes]).0, S::as_simd_f32s(&out[..width * lanes]).0);
        for (a, b) in a.chunks_exact(V).zip(b.chunks_exact(V)) {
            for (delta, (a, b)) in deltas.iter_mut().zip(a.iter().zip(b)) {
                *delta = simd.mul_add_e_f32s(*a, *b, *delta);
            }
        }
        S::as_mut_simd_f32s(&mut h.deltas[i..][..lanes]).0.copy_from_slice(&deltas);
        live
    }

    /// Queries `span` over the keys from `tile` on; then those keys over the queries.
    #[inline(always)]
    fn spread<S: Simd>(&self, simd: S, h: &mut Head<'_>, span: Range<usize>, tile: usize) {
        let mut i = span.start;
        while i < span.end {
            i += if wide(self.mask, span.end - i) {
                self.strip::<S, 2>(simd, h, i, &span, tile)
            } else {
                self.strip::<S, 1>(simd, h, i, &span, tile)
            };
        }
        let count = TILE.min(h.keys - tile);
        let mut j = 0;
        while j < count {
            j += if wide(self.mask, count - j) {
                self.keys::<S, 2>(simd, h, j, &span, tile)
            } else {
                self.keys::<S, 1>(simd, h, j, &span, tile)
            };
        }
    }

    /// dk and dv of V vectors of a tile's keys from j on, as queries `span` contribute to them; returns how many keys these are.
    #[inline(always)]
    fn keys<S: Simd, const V: usize>(
        &self,
        simd: S,
        h: &mut Head<'_>,
        j: usize,
        span: &Range<usize>,
        tile: usize,
    ) -> usize {
        let (width, lanes) = (h.width, V * LANES);
        let live = lanes.min(h.keys - tile - j);
        // Earlier queries do not see these keys.
        let first = first_to_see(self.mask, tile + j, h.queries, h.keys);
        let i = first.max(span.start);
        if i >= span.end {
            return live;
        }
        let begin = if first >= span.start { Begin::Zero } else { Begin::Output };
        let columns = i - span.start..span.end - span.start;
        let sums = [(&*h.weights, &self.dout, &mut *h.dv), (&*h.gradients, &self.q, &mut *h.dk)];
        for (weights, rows, to) in sums {
            turn::<S, V>(simd, &Rows::new(weights, TILE, SPAN), j, live, columns.clone(), 1.0, h.turned);
            let turned = Vectors { data: &*h.turned, stride: lanes };
            let values = &rows.data[(h.first + i) * rows.stride + h.column..];
            let to = &mut to[(tile + j) * width..];
            mix::<S, V>(simd, values, rows.stride, span.end - i, turned, width, to, begin);
        }
        live
    }

    /// Weights, their gradients and dq of V vectors of queries from i on; returns how many queries these are. Keys are then taken in strips:
    /// weights of those beyond the last one that a query sees are zeros.
    #[inline(always)]
    fn strip<S: Simd, const V: usize>(
        &self,
        simd: S,
        h: &mut Head<'_>,
        i: usize,
        span: &Range<usize>,
        tile: usize,
    ) -> usize {
        let (width, lanes) = (h.width, V * LANES);
        let live = lanes.min(h.queries - i);
        let count = seen(self.mask, i + live - 1, h.queries, h.keys).saturating_sub(tile).min(TILE);
        let at = i - span.start;
        let (weights, gradients) = (&mut h.weights[at..], &mut h.gradients[at..]);
        let row = h.start + tile;
        scores::<S, V>(simd, &self.k, row, count, h.column, width, &h.q[i * width..], weights, SPAN);
        scores::<S, V>(simd, &self.v, row, count, h.column, width, &h.dout[i * width..], gradients, SPAN);
        let mut known = [[simd.splat_f32s(0.0); V]; 2];
        known[0].copy_from_slice(S::as_simd_f32s(&h.log_sums[i..][..lanes]).0);
        known[1].copy_from_slice(S::as_simd_f32s(&h.deltas[i..][..lanes]).0);
        // Keys that the first query sees; each next one sees one more.
        let least = if self.mask == Mask::None { usize::MAX } else { seen(self.mask, i, h.queries, h.keys) };
        for j in 0..count {
            let weights = S::as_mut_simd_f32s(&mut weights[j * SPAN..][..lanes]).0;
            let gradients = S::as_mut_simd_f32s(&mut gradients[j * SPAN..][..lanes]).0;
            for (v, (w, g)) in weights.iter_mut().zip(gradients).enumerate() {
                let a = exponentiated(simd, *w, known[0][v]);
                (*w, *g) = (a, simd.mul_f32s(a, simd.sub_f32s(*g, known[1][v])));
                if tile + j >= least {
                    let (blind, zero) = (blind(simd, tile + j, least, v), simd.splat_f32s(0.0));
                    *w = simd.select_f32s(blind, zero, *w);
                    *g = simd.select_f32s(blind, zero, *g);
                }
            }
        }
        for j in count..count.next_multiple_of(LANES) {
            weights[j * SPAN..][..lanes].fill(0.0);
            gradients[j * SPAN..][..lanes].fill(0.0);
        }
        let k = &self.k.data[row * self.k.stride + h.column..];
        let begin = if tile == 0 { Begin::Zero } else { Begin::Output };
        let gradients = Vectors { data: &*gradients, stride: SPAN };
        mix::<S, V>(simd, k, self.k.stride, count, gradients, width, &mut h.dq[i * width..], begin);
        live
    }
}

/// Rows `rows` of `to`, from `column` on, = or += factor x x: `[strips, channels, lanes]`, whose strips are those of the mask.
#[inline(always)]
fn write_back<S: Simd>(
    simd: S,
    mask: Mask,
    x: &mut [f32],
    factor: f32,
    to: &mut RowsMut<'_>,
    rows: Range<usize>,
    column: usize,
    begin: Begin,
) {
    let width = x.len() / filled(rows.len());
    let mut i = 0;
    while i < rows.len() {
        let left = rows.len() - i;
        let (x, first) = (&mut x[i * width..], rows.start + i);
        i += if wide(mask, left) {
            write_strip::<S, 2>(simd, &mut x[..width * 2 * LANES], factor, to, first, left, column, begin)
        } else {
            write_strip::<S, 1>(simd, &mut x[..width * LANES], factor, to, first, left, column, begin)
        };
    }
}

/// One strip of [`write_back`], or the rows that are left; returns how many these are.
#[inline(always)]
fn write_strip<S: Simd, const V: usize>(
    simd: S,
    x: &mut [f32],
    factor: f32,
    to: &mut RowsMut<'_>,
    first: usize,
    left: usize,
    column: usize,
    begin: Begin,
) -> usize {
    if factor != 1.0 {
        multiply::<S, V>(simd, x, [simd.splat_f32s(factor); V]);
    }
    let live = left.min(V * LANES);
    turn_back::<S, V>(x, to, first, live, column, begin);
    live
}
