//! What the kernels' benches share: data, and times as a share of the peak.
#![allow(dead_code, reason = "each bench uses a part")]

use lsra_kernels::Isa;
use lsra_kernels::gemm::Precision;
use lsra_kernels::peak::{bf16_gflops, fma_gflops, int8_gops};
use lsra_kernels::reference::bf16::round_to_bf16;
use lsra_kernels::reference::int8::quantize;
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

/// What a product of this precision multiplies, rows of k values each.
pub fn rounded(x: &[f32], k: usize, precision: Precision) -> Vec<f32> {
    match precision {
        Precision::F32 => x.to_vec(),
        Precision::Bf16 => x.iter().map(|&x| round_to_bf16(x)).collect(),
        Precision::Int8 => x
            .chunks(k)
            .flat_map(|row| {
                let (unit, row) = quantize(row);
                row.into_iter().map(move |x| x as f32 * unit)
            })
            .collect(),
    }
}

/// Panics unless each value of `got` is near the one of `want`; a fast wrong kernel has no speed.
pub fn assert_near(what: &str, got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len(), "{what}: size");
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= 1e-4 * (1.0 + want.abs()), "{what}[{i}] = {got} instead of {want}");
    }
}

/// What this core does at most in products of a precision: without instructions for a type that is what f32 does.
pub fn peak(isa: Isa, precision: Precision) -> f64 {
    match precision {
        Precision::Bf16 if isa.has_bf16() => bf16_gflops(isa),
        Precision::Int8 if isa.has_vnni() => int8_gops(isa),
        _ => fma_gflops(isa),
    }
}

/// Prints what `multiply_adds` in the best of many runs come to, against `peak`, in GFLOP/s, measured right before.
pub fn report_share_of_peak(what: &str, peak: f64, multiply_adds: usize, mut run: impl FnMut()) {
    let end = Instant::now() + Duration::from_millis(200);
    let mut best = f64::INFINITY;
    while Instant::now() < end {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
    }
    let rate = 2.0 * multiply_adds as f64 / best / 1e9;
    println!(
        "{what}: {rate:.1} GFLOP/s, {:.0}% of this core's peak ({peak:.1}), {:.0} us",
        100.0 * rate / peak,
        best * 1e6
    );
}
