//! What this machine can do at most, for benches to measure themselves against.

mod bandwidth;
mod caches;
mod cores;
mod types;

pub use bandwidth::{Reader, read_bandwidth};
pub use caches::{Cache, caches};
pub use cores::{all_cores, cores};
pub use types::{bf16_gflops, int8_gops};

use crate::Isa;
use pulp::{Simd, WithSimd};
use std::hint::black_box;
use std::time::Instant;

/// Chains of multiply-adds: two units of latency 4 or 5 need 10; 12 leave AVX2 four registers.
const CHAINS: usize = 12;
/// Multiply-adds of a chain in one timing, some tenths of a millisecond.
const STEPS: usize = 1 << 17;
/// Timings, the best of which counts: the others were disturbed.
const TIMINGS: usize = 40;

/// Peak of this tier on this core, measured now, in 10^9 floating-point operations a second; a multiply-add is two. Takes some 10 ms.
pub fn fma_gflops(isa: Isa) -> f64 {
    (0..TIMINGS).map(|_| isa.vectorize(Chains)).fold(0.0, f64::max)
}

struct Chains;

impl WithSimd for Chains {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let (a, b) = (simd.splat_f32s(black_box(0.5)), simd.splat_f32s(black_box(1.0)));
        let mut acc = [b; CHAINS];
        let start = Instant::now();
        for _ in 0..STEPS {
            for acc in &mut acc {
                *acc = simd.mul_add_e_f32s(*acc, a, b);
            }
        }
        black_box(acc);
        let seconds = start.elapsed().as_secs_f64();
        (2 * STEPS * CHAINS * S::F32_LANES) as f64 / seconds / 1e9
    }
}
