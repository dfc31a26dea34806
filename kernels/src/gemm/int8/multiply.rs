//! Sums of products of words, by the instruction and without it.

#[cfg(target_arch = "x86_64")]
use crate::gemm::micro::{NV, Operands, unrolled};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// Words of a vector.
#[cfg(target_arch = "x86_64")]
const LANES: usize = 16;

/// sums[r][c] += sum over words k of a[r, k] . b[k, c], the bytes of a unsigned, those of b signed.
#[inline(always)]
pub fn plain<const MR: usize, const W: usize>(a: &[u32], a_row: usize, b: &[u32], sums: &mut [[i32; W]; MR]) {
    for (k, b) in b.as_chunks::<W>().0.iter().enumerate() {
        for (r, sums) in sums.iter_mut().enumerate() {
            let a = a[r * a_row + k].to_le_bytes().map(i32::from);
            for (sum, b) in sums.iter_mut().zip(b) {
                let b = b.cast_signed();
                let bytes = [b << 24 >> 24, b << 16 >> 24, b << 8 >> 24, b >> 24];
                *sum += a[0] * bytes[0] + a[1] * bytes[1] + a[2] * bytes[2] + a[3] * bytes[3];
            }
        }
    }
}

/// What turns sums into outputs.
#[derive(Clone, Copy)]
pub struct Units<'a> {
    /// Of a's rows.
    pub rows: &'a [f32],
    /// Of b's columns from the tile's first on.
    pub columns: &'a [f32],
    /// What is taken off their sums.
    pub offsets: &'a [i32],
}

/// Outputs of a tile: (sum - offset) x (unit of the row x unit of the column).
#[inline(always)]
pub fn scaled<const MR: usize, const W: usize>(sums: &[[i32; W]; MR], units: Units<'_>) -> [[f32; W]; MR] {
    let mut y = [[0.0; W]; MR];
    for ((y, sums), unit) in y.iter_mut().zip(sums).zip(units.rows) {
        for (((y, sum), column), offset) in y.iter_mut().zip(sums).zip(units.columns).zip(units.offsets) {
            *y = (sum - offset) as f32 * (unit * column);
        }
    }
    y
}

/// Both by AVX-512 VNNI: the outputs of MR rows and V vectors of columns.
///
/// # Safety
/// The body was entered for VNNI and S is the 512-bit tier; `a` is readable for MR rows and `k` words that follow one another, `b` for `k` rows of V whole vectors, NV a panel,
/// and units are there for MR rows and V vectors of columns.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub unsafe fn native<S: pulp::Simd, const MR: usize, const V: usize>(
    o: Operands<u32>,
    units: Units<'_>,
    y: &mut [[S::f32s; V]; MR],
) {
    use std::mem::transmute_copy;
    assert!(size_of::<S::f32s>() == size_of::<__m512>());
    assert!(units.rows.len() >= MR && units.columns.len() >= V * LANES && units.offsets.len() >= V * LANES);
    // SAFETY: reads as the caller vouches; a vector is sixteen f32 either way.
    unsafe {
        let mut sums = [[_mm512_setzero_si512(); V]; MR];
        // Fewer rows gain nothing: words of k are a fourth of its steps.
        let unrolled = const { if MR < 8 { 1 } else { unrolled(MR, V) } };
        let whole = o.k - o.k % unrolled;
        for k in (0..whole).step_by(unrolled) {
            for k in k..k + unrolled {
                step(&o, k, &mut sums);
            }
        }
        for k in whole..o.k {
            step(&o, k, &mut sums);
        }
        for v in 0..V {
            let columns = _mm512_loadu_ps(units.columns.as_ptr().add(v * LANES));
            let offsets = _mm512_loadu_si512(units.offsets.as_ptr().add(v * LANES).cast());
            for r in 0..MR {
                let unit = _mm512_mul_ps(_mm512_set1_ps(units.rows[r]), columns);
                let sum = _mm512_cvtepi32_ps(_mm512_sub_epi32(sums[r][v], offsets));
                y[r][v] = transmute_copy(&_mm512_mul_ps(sum, unit));
            }
        }
    }
}

/// One step of [`native`]'s sums.
///
/// # Safety
/// As of [`native`]; `k < o.k`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn step<const MR: usize, const V: usize>(o: &Operands<u32>, k: usize, sums: &mut [[__m512i; V]; MR]) {
    // SAFETY: the caller's.
    unsafe {
        let row = o.b.add(k * o.b_k);
        // Not in a closure, which would not be compiled for these instructions.
        let mut b = [_mm512_setzero_si512(); V];
        for (v, b) in b.iter_mut().enumerate() {
            *b = _mm512_loadu_si512(row.add(v / NV * o.b_panel + v % NV * LANES).cast());
        }
        for (r, sums) in sums.iter_mut().enumerate() {
            let a = _mm512_set1_epi32((*o.a.add(r * o.a_row + k * o.a_k)).cast_signed());
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = _mm512_dpbusd_epi32(*sum, a, b);
            }
        }
    }
}
