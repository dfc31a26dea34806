//! Rows of a table, scaled, plus sinusoidal positions. Vaswani et al. 2017, section 3.5.

use crate::{Isa, Rows, RowsMut, trace};
use pulp::{Simd, WithSimd};

/// `out = table[id] x scale + positions[position]`. table: `[words, C]`, positions: `[positions, C]`, ids and position_of: `[tokens]`.
/// Panics where an id or a position has no row.
pub fn embed(
    isa: Isa,
    table: &[f32],
    ids: &[u32],
    scale: f32,
    positions: &[f32],
    position_of: &[u32],
    out: RowsMut<'_>,
) {
    let _span = trace::kernel("embed", [out.rows, out.cols]);
    assert_eq!([ids.len(), position_of.len()], [out.rows; 2], "ids, positions and rows");
    struct Embed<'a>(&'a [f32], &'a [u32], f32, &'a [f32], &'a [u32], RowsMut<'a>);
    impl WithSimd for Embed<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Embed(table, ids, scale, positions, position_of, mut out) = self;
            let channels = out.cols;
            let vector_scale = simd.splat_f32s(scale);
            for (t, (&id, &position)) in ids.iter().zip(position_of).enumerate() {
                let (x, x_tail) = S::as_simd_f32s(&table[id as usize * channels..][..channels]);
                let (p, p_tail) = S::as_simd_f32s(&positions[position as usize * channels..][..channels]);
                let (y, y_tail) = S::as_mut_simd_f32s(out.row_mut(t));
                for ((x, p), y) in x.iter().zip(p).zip(y) {
                    *y = simd.add_f32s(simd.mul_f32s(*x, vector_scale), *p);
                }
                for ((x, p), y) in x_tail.iter().zip(p_tail).zip(y_tail) {
                    *y = x * scale + p;
                }
            }
        }
    }
    isa.vectorize(Embed(table, ids, scale, positions, position_of, out));
}

/// `dtable[id] += dy x scale`, tokens ascending. dy: `[tokens, C]`, dtable: `[words, C]`.
pub fn embed_backward(isa: Isa, ids: &[u32], scale: f32, dy: Rows<'_>, dtable: &mut [f32]) {
    let _span = trace::kernel("embed_backward", [dy.rows, dy.cols]);
    assert_eq!(ids.len(), dy.rows, "ids and rows");
    struct Backward<'a>(&'a [u32], f32, Rows<'a>, &'a mut [f32]);
    impl WithSimd for Backward<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Backward(ids, scale, dy, dtable) = self;
            let vector_scale = simd.splat_f32s(scale);
            for (t, &id) in ids.iter().enumerate() {
                let (d, d_tail) = S::as_simd_f32s(dy.row(t));
                let (to, to_tail) = S::as_mut_simd_f32s(&mut dtable[id as usize * dy.cols..][..dy.cols]);
                for (to, d) in to.iter_mut().zip(d) {
                    *to = simd.mul_add_e_f32s(*d, vector_scale, *to);
                }
                to_tail.iter_mut().zip(d_tail).for_each(|(to, d)| *to += d * scale);
            }
        }
    }
    isa.vectorize(Backward(ids, scale, dy, dtable));
}

/// Sinusoids of positions `first..first + rows`, `[rows, channels]`: the sines of p / 10000^(i / (h - 1)) for i in 0..h, h = channels / 2,
/// then the cosines; an odd last channel is 0. The original counts positions from 2, its padding symbol's id being 1.
pub fn sinusoids(rows: usize, channels: usize, first: usize) -> Vec<f32> {
    let _span = trace::kernel("sinusoids", [rows, channels]);
    let half = channels / 2;
    let step = -(10_000f64.ln()) / (half.max(2) - 1) as f64;
    // The original computes the frequency in f32, and the angle as a product of two f32.
    let frequencies: Vec<f32> = (0..half).map(|i| (i as f32 * step as f32).exp()).collect();
    let mut table = vec![0.0; rows * channels];
    for (r, row) in table.chunks_exact_mut(channels.max(1)).enumerate() {
        for (i, frequency) in frequencies.iter().enumerate() {
            let angle = (first + r) as f32 * frequency;
            row[i] = angle.sin();
            row[half + i] = angle.cos();
        }
    }
    table
}
