//! A few queries that see the same keys, or nearly, as in a step of decoding or at the end of a sequence: keys and values are read once.
//!
//! Laying a head's keys out costs as much as the products of several queries with them. Here sixteen keys at a time become columns in
//! registers, meet all queries there, and are forgotten, unless they were laid out before in [`super::panels`]. Sums, tiles and their order
//! are those of the pass over blocks, and so are the bits.

use super::forward::{Pass, Running};
use super::panels::{PANEL, panel_values};
use super::{Places, TILE, seen};
use crate::columns::Columns;
use crate::scratch::{LINE, carve};
use crate::vectors::{first_lanes, vectors};
use crate::{Rows, RowsMut};
use pulp::Simd;

/// The most queries that go together here: of a sequence over panels, and of what vectors of sixteen leave. More are faster by other bodies.
/// On Zen 4 causal sequences that leave three or four are 1.1 to 1.3 times as fast as with a vector of their own (19 to 100 tokens, heads of
/// 20 to 64).
pub const FEW: usize = 4;

/// Scratch for [`FEW`] queries.
pub(super) fn room(heads: usize, channels: usize) -> usize {
    FEW * (heads * TILE + channels.next_multiple_of(LINE) + 2 * LINE)
}

impl Pass<'_> {
    /// The last `few` of `queries`, which begin with `first`. Without dropout. Panics where they are none, or more than [`FEW`].
    #[inline(always)]
    pub(super) fn last_few<S: Simd>(&mut self, simd: S, first: usize, queries: usize, few: usize, places: Places<'_>) {
        let first = first + queries - few;
        match few {
            1 => self.few::<S, 1>(simd, first, places, None),
            2 => self.few::<S, 2>(simd, first, places, None),
            3 => self.few::<S, 3>(simd, first, places, None),
            FEW => self.few::<S, FEW>(simd, first, places, None),
            other => panic!("{other} queries are left of a sequence, 1 to {FEW} go together"),
        }
    }

    /// Queries `first..first + R` over the keys at `places`, which may have been laid out in panels; under a mask, the last of their sequence.
    /// Without dropout.
    #[inline(always)]
    pub(super) fn few<S: Simd, const R: usize>(
        &mut self,
        simd: S,
        first: usize,
        places: Places<'_>,
        panels: Option<&[f32]>,
    ) {
        let (heads, width, keys) = (self.shape.heads, self.shape.head_dim, places.len());
        let channels = heads * width;
        let scratch = std::mem::take(&mut self.scratch);
        let mut room = &mut *scratch;
        let scores = carve(&mut room, R * heads * TILE);
        let q = carve(&mut room, R * channels);
        for (r, q) in q.chunks_exact_mut(channels).enumerate() {
            for (to, x) in q.iter_mut().zip(self.q.row(first + r)) {
                *to = x * self.shape.scale;
            }
            self.out.row_mut(first + r).fill(0.0);
        }
        self.running.clear();
        self.running.resize(R * heads, Running::START);
        for start in (0..keys).step_by(TILE) {
            let count = TILE.min(keys - start);
            let tile = Tile { places, start, count };
            match panels {
                Some(panels) => {
                    let panels = &panels[panel_values(start / PANEL, channels)..];
                    self.scores_of_panels::<S, R>(simd, panels, count, q, scores);
                }
                None => self.scores::<S, R>(simd, &tile, q, scores),
            }
            for (i, running) in self.running.iter_mut().enumerate() {
                let (r, head) = (i / heads, i % heads);
                let weights = &mut scores[i * TILE..][..vectors::<S>(count) * S::F32_LANES];
                let here = seen(self.mask, r, R, keys).saturating_sub(start).min(count);
                let shrink = running.exponentiate(simd, weights, here);
                if shrink != 1.0 {
                    for x in &mut self.out.row_mut(first + r)[head * width..][..width] {
                        *x *= shrink;
                    }
                }
            }
            for (r, weights) in scores.chunks_exact(heads * TILE).enumerate() {
                let sums = Sums { v: &self.v, tile: &tile, weights, width };
                let mut head = 0;
                while head < heads {
                    head += if heads - head >= 4 {
                        sums.add::<S, 4>(simd, head, &mut self.out, first + r)
                    } else {
                        sums.add::<S, 1>(simd, head, &mut self.out, first + r)
                    };
                }
            }
        }
        for (i, running) in self.running.iter().enumerate() {
            let (r, head) = (i / heads, i % heads);
            let factor = 1.0 / running.sum;
            for x in &mut self.out.row_mut(first + r)[head * width..][..width] {
                *x *= factor;
            }
            if let Some(log_sum) = &mut self.log_sum {
                log_sum[(first + r) * heads + head] = running.log_sum(simd);
            }
        }
        self.scratch = scratch;
    }

    /// scores: `[R, heads, TILE]` = q . k of a tile. q: `[R, heads * width]`, scaled.
    #[inline(always)]
    fn scores<S: Simd, const R: usize>(&self, simd: S, tile: &Tile<'_>, q: &[f32], scores: &mut [f32]) {
        let (heads, width) = (self.shape.heads, self.shape.head_dim);
        let channels = heads * width;
        assert!(q.len() >= R * channels && scores.len() >= R * heads * TILE && tile.count <= TILE);
        for v in (0..tile.count).step_by(S::F32_LANES) {
            let live = S::F32_LANES.min(tile.count - v);
            let keys = Columns::new::<S>(&self.k, live, |j| tile.places.row(tile.start + v + j));
            for head in 0..heads {
                let end = (head + 1) * width;
                let mut acc = [simd.splat_f32s(0.0); R];
                let mut c = head * width;
                while c + 4 <= end {
                    for (e, column) in keys.four(simd, c).into_iter().enumerate() {
                        for (r, acc) in acc.iter_mut().enumerate() {
                            *acc = simd.mul_add_e_f32s(simd.splat_f32s(q[r * channels + c + e]), column, *acc);
                        }
                    }
                    c += 4;
                }
                for c in c..end {
                    let column = keys.one(simd, c);
                    for (r, acc) in acc.iter_mut().enumerate() {
                        *acc = simd.mul_add_e_f32s(simd.splat_f32s(q[r * channels + c]), column, *acc);
                    }
                }
                for (r, acc) in acc.into_iter().enumerate() {
                    let to = &mut scores[(r * heads + head) * TILE + v..][..S::F32_LANES];
                    S::as_mut_simd_f32s(to).0[0] = acc;
                }
            }
        }
    }
}

/// Some neighbouring keys of a sequence.
struct Tile<'a> {
    places: Places<'a>,
    start: usize,
    count: usize,
}

/// What a query's weights of a tile make of the values.
struct Sums<'a> {
    v: &'a Rows<'a>,
    tile: &'a Tile<'a>,
    /// `[heads, TILE]`.
    weights: &'a [f32],
    /// Channels of a head.
    width: usize,
}

impl Sums<'_> {
    /// Adds to heads `head..head + H` of a row of out; returns H. Several heads at once, since the sums of one wait for each other.
    #[inline(always)]
    fn add<S: Simd, const H: usize>(&self, simd: S, head: usize, out: &mut RowsMut<'_>, row: usize) -> usize {
        let mut from = 0;
        while from < self.width {
            let left = self.width - from;
            from += if left > S::F32_LANES {
                self.part::<S, H, 2>(simd, head, from, out, row)
            } else {
                self.part::<S, H, 1>(simd, head, from, out, row)
            };
        }
        H
    }

    /// Channels of each head from `from` on, V vectors or what is left; returns V vectors' worth.
    #[inline(always)]
    fn part<S: Simd, const H: usize, const V: usize>(
        &self,
        simd: S,
        head: usize,
        from: usize,
        out: &mut RowsMut<'_>,
        row: usize,
    ) -> usize {
        let lanes = S::F32_LANES;
        let last = first_lanes(simd, (self.width - from - (V - 1) * lanes).min(lanes));
        let masks = std::array::from_fn::<_, V, _>(|v| if v + 1 == V { last } else { first_lanes(simd, lanes) });
        let first = head * self.width + from;
        // Up to the end of the last head, where the last vector's mask ends at the latest.
        let span = (head + H) * self.width - first;
        let mut acc = [[simd.splat_f32s(0.0); V]; H];
        let to = &mut out.row_mut(row)[first..][..span];
        for (h, acc) in acc.iter_mut().enumerate() {
            for (v, acc) in acc.iter_mut().enumerate() {
                // SAFETY: lanes beyond the head's channels are masked off, the others lie within `span`.
                *acc =
                    unsafe { simd.mask_load_ptr_f32s(masks[v], to.as_ptr().wrapping_add(h * self.width + v * lanes)) };
            }
        }
        for key in 0..self.tile.count {
            let values = self.v.row(self.tile.places.row(self.tile.start + key))[first..][..span].as_ptr();
            for (h, acc) in acc.iter_mut().enumerate() {
                let weight = simd.splat_f32s(self.weights[(head + h) * TILE + key]);
                for (v, acc) in acc.iter_mut().enumerate() {
                    // SAFETY: as above.
                    let x =
                        unsafe { simd.mask_load_ptr_f32s(masks[v], values.wrapping_add(h * self.width + v * lanes)) };
                    *acc = simd.mul_add_e_f32s(weight, x, *acc);
                }
            }
        }
        for (h, acc) in acc.into_iter().enumerate() {
            for (v, acc) in acc.into_iter().enumerate() {
                // SAFETY: as above.
                unsafe {
                    simd.mask_store_ptr_f32s(masks[v], to.as_mut_ptr().wrapping_add(h * self.width + v * lanes), acc)
                };
            }
        }
        V * lanes
    }
}
