//! The tile: MR rows by NV vectors of accumulators that stay in registers over a block of k.
//!
//! AVX-512 has 32 registers and Zen 4 starts one 512-bit FMA a cycle with a latency of 4: 12 x 2 = 24 accumulators hide the latency
//! six times over and leave 8 registers for two vectors of b and the broadcasts of a. AVX2 has 16 registers: 6 x 2 = 12
//! accumulators, two of b, one of a.

use crate::vectors::{load_first, store_first};
use pulp::Simd;

/// Vectors of b in a panel.
pub(super) const NV: usize = 2;

/// What a tile reads: a[row, k] at `a + row * a_row + k * a_k`; b[k, ..] at `b + k * b_k`.
#[derive(Clone, Copy)]
pub(crate) struct Operands<W = f32> {
    pub a: *const W,
    pub a_row: usize,
    pub a_k: usize,
    pub b: *const W,
    pub b_k: usize,
    pub k: usize,
}

/// acc[r][v] += sum over k of a[r, k] b[k, v], k ascending.
///
/// # Safety
/// `a` is readable for MR rows and `k` steps, `b` for `k` rows of `V` whole vectors.
#[inline(always)]
pub(crate) unsafe fn multiply<S: Simd, const MR: usize, const V: usize>(
    simd: S,
    o: Operands,
    acc: &mut [[S::f32s; V]; MR],
) {
    for k in 0..o.k {
        // SAFETY: k < o.k, and the caller vouches for every row and vector of each step. `S::f32s` has no alignment
        // requirement when read unaligned.
        unsafe {
            let row = o.b.add(k * o.b_k);
            let b: [S::f32s; V] = std::array::from_fn(|v| row.add(v * S::F32_LANES).cast::<S::f32s>().read_unaligned());
            for (r, acc) in acc.iter_mut().enumerate() {
                let a = simd.splat_f32s(*o.a.add(r * o.a_row + k * o.a_k));
                for (acc, b) in acc.iter_mut().zip(b) {
                    *acc = simd.mul_add_e_f32s(a, b, *acc);
                }
            }
        }
    }
}

/// As [`multiply`], where only the first `valid` columns of b may be read; the others count as zero.
///
/// # Safety
/// `a` is readable for MR rows and `k` steps, `b` for `k` rows of `valid` values.
#[inline(always)]
pub(super) unsafe fn multiply_partial<S: Simd, const MR: usize, const V: usize>(
    simd: S,
    o: Operands,
    valid: usize,
    acc: &mut [[S::f32s; V]; MR],
) {
    for k in 0..o.k {
        // SAFETY: as in `multiply`, but of each row of b only `valid` values are touched.
        unsafe {
            let row = std::slice::from_raw_parts(o.b.add(k * o.b_k), valid);
            let b: [S::f32s; V] = std::array::from_fn(|v| load(simd, row, v));
            for (r, acc) in acc.iter_mut().enumerate() {
                let a = simd.splat_f32s(*o.a.add(r * o.a_row + k * o.a_k));
                for (acc, b) in acc.iter_mut().zip(b) {
                    *acc = simd.mul_add_e_f32s(a, b, *acc);
                }
            }
        }
    }
}

/// Vector `v` of a row that may end before it or within it; zeros beyond.
#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, row: &[f32], v: usize) -> S::f32s {
    let rest = row.get(v * S::F32_LANES..).unwrap_or(&[]);
    load_first(simd, &rest[..rest.len().min(S::F32_LANES)])
}

/// Writes what of vector `v` lies within the row.
#[inline(always)]
pub(super) fn store<S: Simd>(simd: S, row: &mut [f32], v: usize, x: S::f32s) {
    if let Some(rest) = row.get_mut(v * S::F32_LANES..) {
        let n = rest.len().min(S::F32_LANES);
        store_first(simd, &mut rest[..n], x);
    }
}
