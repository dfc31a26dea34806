//! bf16: the upper half of an f32, rounded to the nearest, ties to even.
//!
//! The instruction `vdpbf16ps` multiplies pairs: each 32-bit lane of either operand holds two values of k that follow one another, and
//! both products are added to the lane of the accumulator. A **word** here is such a pair, the lower k in the lower half. Laid out in
//! words, a bf16 product has the shape of an f32 product with half the steps.

/// x rounded to bf16, as f32. As the instructions do: subnormal values become zeros of their sign.
pub(crate) fn round(x: f32) -> f32 {
    f32::from_bits(u32::from(bits(x)) << 16)
}

/// x rounded to bf16.
pub(super) fn bits(x: f32) -> u16 {
    let b = x.to_bits();
    let rounded = if x.is_nan() {
        // Quiet, whatever its lower half was.
        b | 0x0040_0000
    } else if b & 0x7f80_0000 == 0 {
        b & 0x8000_0000
    } else {
        b + 0x7fff + (b >> 16 & 1)
    };
    (rounded >> 16) as u16
}

/// Words of values that follow one another; a zero completes the last.
#[cfg(target_arch = "x86_64")]
pub(super) fn pair_row(row: &[f32], to: &mut [u32]) {
    for (to, pair) in to.iter_mut().zip(row.chunks(2)) {
        *to = word(pair[0], pair.get(1).copied().unwrap_or(0.0));
    }
}

/// Words of two rows' values, one under the other; zeros where there is no second row.
#[cfg(target_arch = "x86_64")]
pub(super) fn pair_rows(first: &[f32], second: Option<&[f32]>, to: &mut [u32]) {
    for (c, (to, &x)) in to.iter_mut().zip(first).enumerate() {
        *to = word(x, second.map_or(0.0, |row| row[c]));
    }
}

#[cfg(target_arch = "x86_64")]
fn word(low: f32, high: f32) -> u32 {
    u32::from(bits(low)) | u32::from(bits(high)) << 16
}

/// The same by the instructions, for bodies entered through `Isa::vectorize_bf16`.
#[cfg(target_arch = "x86_64")]
pub(super) mod native {
    use crate::gemm::micro::{NV, Operands};
    use pulp::Simd;
    use std::arch::x86_64::*;
    use std::mem::{size_of, transmute_copy};

    const LANES: usize = 16;

    /// As [`super::pair_row`]. `to` holds whole vectors; words beyond the row's are zeros.
    ///
    /// # Safety
    /// The CPU has AVX-512 F and BF16, and `to` room for the row's words in whole vectors.
    #[inline(always)]
    pub unsafe fn pair_row(row: &[f32], to: &mut [u32]) {
        debug_assert!(to.len() >= row.len().div_ceil(2 * LANES) * LANES);
        let (whole, rest) = row.as_chunks::<{ 2 * LANES }>();
        let mut to = to.as_mut_ptr();
        // SAFETY: the masks end with the row; the caller vouches for the room in `to`.
        unsafe {
            for chunk in whole {
                let (low, high) = (_mm512_loadu_ps(chunk.as_ptr()), _mm512_loadu_ps(chunk.as_ptr().add(LANES)));
                _mm512_storeu_si512(to.cast(), words(low, high));
                to = to.add(LANES);
            }
            if !rest.is_empty() {
                _mm512_storeu_si512(to.cast(), words(load(rest, 0), load(rest, LANES)));
            }
        }
    }

    /// As [`super::pair_rows`]. `to` holds whole vectors; words beyond the rows' are zeros.
    ///
    /// # Safety
    /// The CPU has AVX-512 F, BW and BF16, `to` room for a row's words in whole vectors, and rows are of one length.
    #[inline(always)]
    pub unsafe fn pair_rows(first: &[f32], second: Option<&[f32]>, to: &mut [u32]) {
        debug_assert!(to.len() >= first.len().next_multiple_of(LANES));
        let mut at = 0;
        while at < first.len() {
            // SAFETY: as above.
            unsafe {
                let low = load(first, at);
                let high = second.map_or(_mm512_setzero_ps(), |row| load(row, at));
                let words = _mm512_permutexvar_epi16(interleave(), words(low, high));
                _mm512_storeu_si512(to.as_mut_ptr().add(at).cast(), words);
            }
            at += LANES;
        }
    }

    /// Both in bf16, the first in the lower half.
    #[inline(always)]
    unsafe fn words(low: __m512, high: __m512) -> __m512i {
        // SAFETY: the caller's CPU has AVX-512 BF16.
        unsafe { transmute_copy(&_mm512_cvtne2ps_pbh(high, low)) }
    }

    /// Lane 2 i takes the i-th of the first half, lane 2 i + 1 the i-th of the second.
    #[inline(always)]
    unsafe fn interleave() -> __m512i {
        // SAFETY: the caller's CPU has AVX-512 F.
        unsafe {
            let first = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
            _mm512_or_si512(first, _mm512_slli_epi32::<16>(_mm512_add_epi32(first, _mm512_set1_epi32(16))))
        }
    }

    /// A vector of the row from `at` on, zeros beyond its end.
    #[inline(always)]
    unsafe fn load(row: &[f32], at: usize) -> __m512 {
        let left = row.len().saturating_sub(at).min(LANES);
        let mask = ((1_u32 << left) - 1) as __mmask16;
        // SAFETY: nothing is read for lanes that are masked off.
        unsafe { _mm512_maskz_loadu_ps(mask, row.as_ptr().wrapping_add(at)) }
    }

    /// acc[r][v] += sum over words k of a[r, k] . b[k, v], k ascending.
    ///
    /// # Safety
    /// The CPU has AVX-512 F and BF16 and S is its 512-bit tier; `a` is readable for MR rows and `k` steps, `b` for `k` rows of `V`
    /// whole vectors, NV a panel.
    #[inline(always)]
    pub unsafe fn multiply<S: Simd, const MR: usize, const V: usize>(o: Operands<u32>, acc: &mut [[S::f32s; V]; MR]) {
        assert!(size_of::<S::f32s>() == size_of::<__m512>());
        // SAFETY: a vector of sixteen f32 either way; reads as the caller vouches.
        unsafe {
            let mut sums = [[_mm512_setzero_ps(); V]; MR];
            for (sums, acc) in sums.iter_mut().zip(acc.iter()) {
                for (sum, acc) in sums.iter_mut().zip(acc) {
                    *sum = transmute_copy(acc);
                }
            }
            for k in 0..o.k {
                let row = o.b.add(k * o.b_k);
                // Not in a closure, which would not be compiled for these instructions.
                let mut b = [_mm512_setzero_si512(); V];
                for (v, b) in b.iter_mut().enumerate() {
                    *b = _mm512_loadu_si512(row.add(v / NV * o.b_panel + v % NV * LANES).cast());
                }
                for (r, sums) in sums.iter_mut().enumerate() {
                    let a: __m512bh = transmute_copy(&_mm512_set1_epi32(*o.a.add(r * o.a_row + k * o.a_k) as i32));
                    for (sum, b) in sums.iter_mut().zip(&b) {
                        *sum = _mm512_dpbf16_ps(*sum, a, transmute_copy(b));
                    }
                }
            }
            for (sums, acc) in sums.iter().zip(acc.iter_mut()) {
                for (sum, acc) in sums.iter().zip(acc) {
                    *acc = transmute_copy(sum);
                }
            }
        }
    }
}
