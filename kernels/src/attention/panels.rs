//! Keys laid out once for the queries of many steps, as those of a source sentence are for a translation's.
//!
//! A panel holds sixteen neighbouring keys of a sequence, channel by channel, so that a step reads columns and turns nothing.

use super::few::FEW;
use super::forward::Pass;
use super::{AttentionScratch, AttentionShape, Mask, Spans};
use crate::columns::Columns;
use crate::{Isa, Rows, RowsMut, trace, work};
use pulp::{Simd, WithSimd};

/// Keys of a panel: the lanes of the widest vector.
pub const PANEL: usize = 16;

/// Panels of a sequence of so many keys.
pub const fn key_panels(keys: usize) -> usize {
    keys.div_ceil(PANEL)
}

/// Values of so many panels: those of sixteen keys each.
pub const fn panel_values(panels: usize, channels: usize) -> usize {
    panels * PANEL * channels
}

/// Keys as [`lay_out_keys`] lays them out.
#[derive(Clone, Copy, Debug)]
pub struct KeyPanels<'a> {
    /// `[panels, channels, 16]`.
    pub data: &'a [f32],
    /// The first panel of each sequence of queries' keys.
    pub starts: &'a [usize],
}

/// to: `[panels, channels, 16]` = the keys of sequences one after the other, each from a panel of its own on; k: `[keys, channels]`, sequence s
/// from row `offsets[s]` to before `offsets[s + 1]`. Beyond a sequence's last key, its last one again. Panics where sizes disagree.
pub fn lay_out_keys(isa: Isa, k: Rows<'_>, offsets: &[usize], to: &mut [f32]) {
    let _span = trace::kernel("lay_out_keys", [k.rows, k.cols]);
    assert_eq!(offsets.last(), Some(&k.rows), "rows of the sequences and of k");
    assert!(offsets.is_sorted(), "sequences one after the other");
    k.assert_whole();
    let panels = offsets.windows(2).map(|ends| key_panels(ends[1] - ends[0])).sum();
    assert_eq!(to.len(), panel_values(panels, k.cols), "values of {panels} panels");
    isa.vectorize(LayOut { k, offsets, to });
}

struct LayOut<'a> {
    k: Rows<'a>,
    offsets: &'a [usize],
    to: &'a mut [f32],
}

impl WithSimd for LayOut<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let LayOut { k, offsets, to } = self;
        let mut panels = to.chunks_exact_mut(panel_values(1, k.cols));
        for ends in offsets.windows(2) {
            for first in (ends[0]..ends[1]).step_by(PANEL) {
                let panel = panels.next().expect("as many as were counted");
                for lane in (0..PANEL).step_by(S::F32_LANES) {
                    // Beyond the last key, the last one.
                    let start = (first + lane).min(ends[1] - 1);
                    let columns = Columns::new::<S>(&k, S::F32_LANES.min(ends[1] - start), |j| start + j);
                    let mut c = 0;
                    while c < k.cols {
                        if c + 4 <= k.cols {
                            for (e, column) in columns.four(simd, c).into_iter().enumerate() {
                                S::as_mut_simd_f32s(&mut panel[(c + e) * PANEL + lane..][..S::F32_LANES]).0[0] = column;
                            }
                            c += 4;
                        } else {
                            let column = columns.one(simd, c);
                            S::as_mut_simd_f32s(&mut panel[c * PANEL + lane..][..S::F32_LANES]).0[0] = column;
                            c += 1;
                        }
                    }
                }
            }
        }
    }
}

/// [`super::attention`] without a mask, of keys that were laid out; the same bits. Panics where sizes disagree, a query sees no key, or a
/// sequence has more than [`super::FEW`] queries.
pub fn attention_over_panels(
    isa: Isa,
    shape: &AttentionShape,
    q: Rows<'_>,
    q_offsets: &[usize],
    keys: KeyPanels<'_>,
    v: Rows<'_>,
    kv_ranges: &[(usize, usize)],
    out: RowsMut<'_>,
    scratch: &mut AttentionScratch,
) {
    let _span = trace::kernel("attention_over_panels", [q.rows, v.rows, shape.heads, shape.head_dim]);
    let spans = Spans { shape, mask: Mask::None, q_offsets, kv_ranges };
    // Of keys the check reads shapes alone, which are those of v.
    spans.check(&q, &v);
    assert_eq!((out.rows, out.cols), (q.rows, q.cols), "shapes of out and q");
    assert_eq!(keys.starts.len(), kv_ranges.len(), "a first panel a sequence");
    let panels = keys.data.len().checked_div(panel_values(1, v.cols)).unwrap_or(0);
    for (start, range) in keys.starts.iter().zip(kv_ranges) {
        let own = key_panels(range.1 - range.0);
        assert!(*start <= panels && own <= panels - start, "panels {start} to {start} + {own} of {panels}");
    }
    [q, v, out.as_rows()].iter().for_each(Rows::assert_whole);
    work::add(2 * spans.pairs() * shape.channels());
    let AttentionScratch { values, running, masks } = scratch;
    let scratch = values.grown(super::few::room(shape.heads, shape.channels()));
    // Nothing reads keys by rows.
    let pass = Pass { isa, shape, mask: Mask::None, q, k: v, v, out, log_sum: None, scratch, masks, running };
    isa.vectorize(OverPanels { pass, spans, keys });
}

struct OverPanels<'a> {
    pass: Pass<'a>,
    spans: Spans<'a>,
    keys: KeyPanels<'a>,
}

impl WithSimd for OverPanels<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let OverPanels { mut pass, spans, keys: KeyPanels { data, starts } } = self;
        let channels = spans.shape.channels();
        for ((first, queries, places), start) in spans.sequences().zip(starts) {
            let length = panel_values(key_panels(places.len()), channels);
            let panels = Some(&data[panel_values(*start, channels)..][..length]);
            assert!(queries <= FEW, "{queries} queries of a sequence, {FEW} at most");
            if queries == FEW {
                pass.few::<S, FEW>(simd, first, places, panels);
                continue;
            }
            // Beams of two and three, and what is left of one of four, are rare: not worth the room that code for each takes.
            for i in 0..queries {
                pass.few::<S, 1>(simd, first + i, places, panels);
            }
        }
    }
}

impl Pass<'_> {
    /// scores: `[R, heads, TILE]` = q . k of the keys of a tile, which begins with these panels. q: `[R, heads * width]`, scaled.
    #[inline(always)]
    pub(super) fn scores_of_panels<S: Simd, const R: usize>(
        &self,
        simd: S,
        panels: &[f32],
        count: usize,
        q: &[f32],
        scores: &mut [f32],
    ) {
        let (heads, width) = (self.shape.heads, self.shape.head_dim);
        for v in (0..count).step_by(S::F32_LANES) {
            let panel = &panels[panel_values(v / PANEL, heads * width)..][..panel_values(1, heads * width)];
            let mut head = 0;
            // Several heads at once: the sum of one waits for itself.
            while head < heads {
                head += if heads - head >= 4 {
                    scores_of_heads::<S, R, 4>(simd, panel, v, q, [heads, width], head, scores)
                } else {
                    scores_of_heads::<S, R, 1>(simd, panel, v, q, [heads, width], head, scores)
                };
            }
        }
    }
}

/// Those of heads `head..head + H` and of the vector of keys from `v` on; returns H.
#[inline(always)]
fn scores_of_heads<S: Simd, const R: usize, const H: usize>(
    simd: S,
    panel: &[f32],
    v: usize,
    q: &[f32],
    [heads, width]: [usize; 2],
    head: usize,
    scores: &mut [f32],
) -> usize {
    let channels = heads * width;
    let panel = &panel[head * width * PANEL..][..H * width * PANEL];
    let q = &q[head * width..][..(R - 1) * channels + H * width];
    let mut acc = [[simd.splat_f32s(0.0); R]; H];
    for c in 0..width {
        for (h, acc) in acc.iter_mut().enumerate() {
            let keys = S::as_simd_f32s(&panel[(h * width + c) * PANEL + v % PANEL..][..S::F32_LANES]).0[0];
            for (r, acc) in acc.iter_mut().enumerate() {
                *acc = simd.mul_add_e_f32s(simd.splat_f32s(q[r * channels + h * width + c]), keys, *acc);
            }
        }
    }
    for (h, acc) in acc.into_iter().enumerate() {
        for (r, acc) in acc.into_iter().enumerate() {
            let to = &mut scores[(r * heads + head + h) * super::TILE + v..][..S::F32_LANES];
            S::as_mut_simd_f32s(to).0[0] = acc;
        }
    }
    H
}
