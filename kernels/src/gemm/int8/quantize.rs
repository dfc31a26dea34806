//! A row of activations as words of unsigned bytes.

use super::{OFFSET, Scale};

/// Writes the row's bytes, raised by [`OFFSET`]; returns what their unit is worth. `to` has room for them; bytes beyond the row are left.
#[inline(always)]
pub fn plain(row: &[f32], to: &mut [u32]) -> f32 {
    let scale = Scale::of(row);
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(to);
    for (byte, &x) in bytes.iter_mut().zip(row) {
        *byte = scale.byte(x) ^ OFFSET as u8;
    }
    scale.unit
}

/// The same bytes and unit by AVX-512.
///
/// # Safety
/// The CPU has AVX-512 F, BW and VL.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub unsafe fn native(row: &[f32], to: &mut [u32]) -> f32 {
    use std::arch::x86_64::*;
    const LANES: usize = 16;
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(to);
    assert!(bytes.len() >= row.len(), "room for {} bytes", row.len());
    let (whole, tail) = row.as_chunks::<LANES>();
    let left = ((1_u32 << tail.len()) - 1) as __mmask16;
    // SAFETY: whole chunks are read; of the tail, and of the bytes after it, the mask lets through what is there.
    unsafe {
        let magnitude = _mm512_set1_epi32(0x7fff_ffff);
        let last = _mm512_castps_si512(_mm512_maskz_loadu_ps(left, tail.as_ptr()));
        // Bits of magnitudes are in order.
        let mut most = _mm512_and_si512(last, magnitude);
        for chunk in whole {
            let bits = _mm512_castps_si512(_mm512_loadu_ps(chunk.as_ptr()));
            most = _mm512_max_epu32(most, _mm512_and_si512(bits, magnitude));
        }
        let scale = Scale::of_most(_mm512_reduce_max_epu32(most));
        let inverse = _mm512_set1_ps(scale.inverse);
        // As `Scale::byte`, raised already: 128 is even, so ties go where they would.
        let shift = _mm512_set1_ps(Scale::ROUND + OFFSET as f32);
        for (i, chunk) in whole.iter().enumerate() {
            let x = _mm512_add_ps(_mm512_mul_ps(_mm512_loadu_ps(chunk.as_ptr()), inverse), shift);
            let low = _mm512_cvtepi32_epi8(_mm512_castps_si512(x));
            _mm_storeu_si128(bytes.as_mut_ptr().add(i * LANES).cast(), low);
        }
        let x = _mm512_add_ps(_mm512_mul_ps(_mm512_castsi512_ps(last), inverse), shift);
        let low = _mm512_cvtepi32_epi8(_mm512_castps_si512(x));
        _mm_mask_storeu_epi8(bytes.as_mut_ptr().add(whole.len() * LANES).cast(), left, low);
        scale.unit
    }
}
