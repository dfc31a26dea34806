//! What the kernels' benches share: data, and times as a share of the peak.
#![allow(dead_code, reason = "each bench uses a part")]

use lsra_kernels::Isa;
use lsra_kernels::peak::fma_gflops;
use std::time::{Duration, Instant};

/// `n` values in (-1, 1).
pub fn values(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9) | 1;
    (0..n)
        .map(|_| {
            // Xorshift, Marsaglia 2003.
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// Panics unless each value of `got` is near the one of `want`; a fast wrong kernel has no speed.
pub fn assert_near(what: &str, got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len(), "{what}: size");
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= 1e-4 * (1.0 + want.abs()), "{what}[{i}] = {got} instead of {want}");
    }
}

/// Prints what `multiply_adds` in the best of many runs come to, against the peak measured right before.
pub fn report_share_of_peak(what: &str, isa: Isa, multiply_adds: usize, mut run: impl FnMut()) {
    let peak = fma_gflops(isa);
    let end = Instant::now() + Duration::from_millis(200);
    let mut best = f64::INFINITY;
    while Instant::now() < end {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
    }
    let rate = 2.0 * multiply_adds as f64 / best / 1e9;
    println!(
        "{what}: {rate:.1} GFLOP/s, {:.0}% of this core's FMA peak ({peak:.1}), {:.0} us",
        100.0 * rate / peak,
        best * 1e6
    );
}
