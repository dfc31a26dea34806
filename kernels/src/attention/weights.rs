//! The weights themselves, to be looked at.

use super::pack::{Sizes, pad, transpose};
use super::{AttentionShape, Mask, Places, Spans, TILE, seen};
use crate::product::{Begin, Scalars, Vectors, product};
use crate::softmax::{exp_row, row_max};
use crate::vectors::vectors;
use crate::{Isa, Rows, trace};
use pulp::{Simd, WithSimd};

/// The weights before dropout, mean over heads: sequence after sequence `[queries, keys]`, 0 where a key is not seen. Operands as in
/// [`super::attention`]. Allocates.
pub fn attention_weights(
    isa: Isa,
    shape: &AttentionShape,
    mask: Mask,
    q: Rows<'_>,
    q_offsets: &[usize],
    k: Rows<'_>,
    kv_ranges: &[(usize, usize)],
) -> Vec<f32> {
    let _span = trace::kernel("attention_weights", [q.rows, k.rows, shape.heads, shape.head_dim]);
    let spans = Spans { shape, mask, q_offsets, kv_ranges };
    spans.check(&q, &k);
    let mut mean = vec![0.0; spans.sequences().map(|(_, queries, places)| queries * places.len()).sum()];
    isa.vectorize(Weights { spans, q, k, mean: &mut mean });
    mean
}

struct Weights<'a> {
    spans: Spans<'a>,
    q: Rows<'a>,
    k: Rows<'a>,
    mean: &'a mut [f32],
}

impl WithSimd for Weights<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Weights { spans, q, k, mut mean } = self;
        let &AttentionShape { heads, head_dim, scale: factor } = spans.shape;
        for (first, queries, places) in spans.sequences() {
            let keys = places.len();
            let sizes = Sizes::of(head_dim, keys, S::F32_LANES);
            let mut across = vec![0.0; sizes.tiles()];
            let mut query = vec![0.0; sizes.row];
            let mut scores = vec![0.0; sizes.keys];
            let (own, rest) = mean.split_at_mut(queries * keys);
            for head in 0..heads {
                transpose(simd, &k, places, head, sizes, &mut across);
                for (i, mean) in own.chunks_exact_mut(keys.max(1)).enumerate() {
                    pad(simd, &q, Places::Between(first + i, first + i + 1), head, sizes, factor, &mut query);
                    for start in (0..keys).step_by(TILE) {
                        let a = Scalars { data: &query, strides: [0, 1] };
                        let b = Vectors { data: &across[sizes.tile(start)..], stride: TILE };
                        let to = Vectors { data: &mut scores[start..], stride: TILE };
                        product::<S, 1>(simd, a, b, head_dim, vectors::<S>(TILE), to, Begin::Zero);
                    }
                    let scores = &mut scores[..seen(spans.mask, i, queries, keys)];
                    let most = row_max(simd, scores);
                    let sum = exp_row(simd, scores, most);
                    for (mean, p) in mean.iter_mut().zip(scores) {
                        *mean += *p / (sum * heads as f32);
                    }
                }
            }
            mean = rest;
        }
    }
}
