//! Peaks of the instructions that multiply narrow types and add up in 32 bits.

use crate::Isa;
#[cfg(target_arch = "x86_64")]
use crate::gemm::tiles::peak::Rate;

/// Peak of products of bf16 summed in f32 on this core, in 10^9 floating-point operations a second; a multiply-add is two. 0 where
/// the tier or the CPU has no such instruction. Takes some 10 ms.
pub fn bf16_gflops(isa: Isa) -> f64 {
    #[cfg(target_arch = "x86_64")]
    if isa.has_tiles() {
        return best(|| isa.vectorize_tiles(Rate::Bf16));
    } else if isa.has_bf16() {
        // SAFETY: the tier has AVX-512 F and BF16.
        return best(|| unsafe { x86::bf16() });
    }
    let _ = isa;
    0.0
}

/// Peak of products of u8 and i8 summed in i32 on this core, in 10^9 operations a second; a multiply-add is two. 0 where the tier
/// or the CPU has no such instruction. Takes some 10 ms.
pub fn int8_gops(isa: Isa) -> f64 {
    #[cfg(target_arch = "x86_64")]
    if isa.has_tiles() {
        return best(|| isa.vectorize_tiles(Rate::Bytes));
    } else if isa.has_vnni() {
        // SAFETY: the tier has AVX-512 F and VNNI.
        return best(|| unsafe { x86::int8() });
    }
    let _ = isa;
    0.0
}

#[cfg(target_arch = "x86_64")]
fn best(timing: impl Fn() -> f64) -> f64 {
    (0..super::TIMINGS).map(|_| timing()).fold(0.0, f64::max)
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use crate::peak::{CHAINS, STEPS};
    use std::arch::x86_64::*;
    use std::hint::black_box;
    use std::time::Instant;

    /// 10^9 operations a second, where an instruction does `products` multiply-adds.
    fn rate(products: usize, start: Instant) -> f64 {
        (2 * STEPS * CHAINS * products) as f64 / start.elapsed().as_secs_f64() / 1e9
    }

    #[target_feature(enable = "avx512f,avx512bf16")]
    pub fn bf16() -> f64 {
        let (ones, halves) = (_mm512_set1_ps(black_box(1.0)), _mm512_set1_ps(black_box(0.5)));
        let (a, b) = (_mm512_cvtne2ps_pbh(ones, ones), _mm512_cvtne2ps_pbh(halves, halves));
        let mut acc = [_mm512_setzero_ps(); CHAINS];
        let start = Instant::now();
        for _ in 0..STEPS {
            for acc in &mut acc {
                *acc = _mm512_dpbf16_ps(*acc, a, b);
            }
        }
        black_box(acc);
        rate(32, start)
    }

    #[target_feature(enable = "avx512f,avx512vnni")]
    pub fn int8() -> f64 {
        let (a, b) = (_mm512_set1_epi8(black_box(3)), _mm512_set1_epi8(black_box(-2)));
        let mut acc = [_mm512_setzero_si512(); CHAINS];
        let start = Instant::now();
        for _ in 0..STEPS {
            for acc in &mut acc {
                *acc = _mm512_dpbusd_epi32(*acc, a, b);
            }
        }
        black_box(acc);
        rate(64, start)
    }
}
