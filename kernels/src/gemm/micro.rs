//! The tile: MR rows by NV vectors of accumulators that stay in registers over a block of k.
//!
//! Two FMAs start in a cycle (Zen 5; one of 512 bits on Zen 4) and take 4: 8 x 2 = 16 accumulators hide that twice over, with ten loads for 16
//! FMAs where two loads start in a cycle. 12 x 2 would load less, but 12 rows of a are more addresses than there are registers for: measured
//! on Zen 5, 93% of the peak against 97%. AVX2 has 16 registers: 6 x 2 = 12 accumulators, two of b, one of a.

use crate::vectors::{load_first, store_first};
use pulp::Simd;

/// Vectors of b in a panel.
pub(super) const NV: usize = 2;

/// Rows of the tallest tile on a tier of so many lanes.
pub(super) const fn tallest(lanes: usize) -> usize {
    match lanes {
        16 => 8,
        8 => 6,
        _ => 4,
    }
}

/// The most panels that a tile of so many rows takes at once.
///
/// An FMA takes 4 cycles, a product of bf16 up to 6, and two start in each: fewer than 8 to 12 accumulators would wait for one another. One
/// row takes up to five panels, all of 160 columns; up to four rows take two, or three rather than leave one over, where there are registers
/// for them.
pub(super) const fn most_panels(registers: usize, rows: usize) -> usize {
    match rows {
        1 => 5,
        2 if registers < 32 => 2,
        2..=4 if registers >= 32 => 3,
        _ => 1,
    }
}

/// How many of `left` whole panels a tile takes at once, of `most` that it can; 1 where there is none.
#[inline(always)]
pub(super) fn panels_at_once(most: usize, left: usize) -> usize {
    match most {
        3 if left != 3 => left.clamp(1, 2),
        _ => left.clamp(1, most),
    }
}

/// What a tile reads: a[row, k] at `a + row * a_row + k * a_k`; b[k, ..] at `b + k * b_k`, each NV vectors of it `b_panel` further.
#[derive(Clone, Copy)]
pub(crate) struct Operands<W = f32> {
    pub a: *const W,
    pub a_row: usize,
    pub a_k: usize,
    pub b: *const W,
    pub b_k: usize,
    pub b_panel: usize,
    pub k: usize,
}

/// acc[r][v] += sum over k of a[r, k] b[k, v], k ascending.
///
/// # Safety
/// `a` is readable for MR rows and `k` steps, `b` for `k` rows of `V` whole vectors, NV a panel.
#[inline(always)]
pub(crate) unsafe fn multiply<S: Simd, const MR: usize, const V: usize>(
    simd: S,
    o: Operands,
    acc: &mut [[S::f32s; V]; MR],
) {
    // A copy of its own, so that it stays in registers whatever is done to `acc` later.
    let mut sums = *acc;
    let unrolled = const { unrolled(MR, V) };
    let whole = o.k - o.k % unrolled;
    // SAFETY: k < o.k, and the caller vouches for every row and vector of each step.
    unsafe {
        for k in (0..whole).step_by(unrolled) {
            for k in k..k + unrolled {
                step(simd, &o, k, &mut sums);
            }
        }
        for k in whole..o.k {
            step(simd, &o, k, &mut sums);
        }
    }
    *acc = sums;
}

/// Steps of k that are written out, for a tile of so many rows and vectors. What counts steps and makes addresses takes turns from FMAs where
/// the same ports do both: on Granite Rapids 8 x 2 in the first-level cache reach 78% of the peak one by one and 87% by fours, AVX2's 6 x 2 81% and 88%.
/// More accumulators than 16 leave too few registers for what four steps load ahead; with fewer than four rows loads are the limit, and it gains
/// nothing; nor does it with products of bf16, which start half as often there.
pub(in crate::gemm) const fn unrolled(rows: usize, vectors: usize) -> usize {
    match rows {
        0..4 => 1,
        _ if rows * vectors <= 16 => 4,
        _ => 2,
    }
}

/// One step of [`multiply`].
///
/// # Safety
/// As of [`multiply`]; `k < o.k`.
#[inline(always)]
unsafe fn step<S: Simd, const MR: usize, const V: usize>(
    simd: S,
    o: &Operands,
    k: usize,
    sums: &mut [[S::f32s; V]; MR],
) {
    // SAFETY: the caller's. `S::f32s` has no alignment requirement when read unaligned.
    unsafe {
        let row = o.b.add(k * o.b_k);
        let b: [S::f32s; V] = std::array::from_fn(|v| {
            row.add(v / NV * o.b_panel + v % NV * S::F32_LANES).cast::<S::f32s>().read_unaligned()
        });
        for (r, sums) in sums.iter_mut().enumerate() {
            let a = simd.splat_f32s(*o.a.add(r * o.a_row + k * o.a_k));
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = simd.mul_add_e_f32s(a, b, *sum);
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
