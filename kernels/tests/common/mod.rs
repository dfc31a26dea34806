//! What the kernels' tests share: data, and errors measured against bounds computed from it.
#![allow(dead_code, reason = "each test file uses a part")]

pub mod batches;

use proptest::prelude::*;

/// Sizes about every tile's edges: heights 4, 6 and 8, widths 1 to 32 and up to five of those at once, and what lies between.
pub fn size() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 1usize..50, 1 => Just(63), 1 => Just(64), 1 => Just(65), 1 => Just(97), 1 => Just(131), 1 => Just(160), 1 => Just(161), 1 => Just(193)]
}

/// `n` values in (-1, 1), the same for the same seed.
pub fn values(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut next = move || {
        // SplitMix64.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// The same values in f64.
pub fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| x.into()).collect()
}

/// Their magnitudes.
pub fn magnitudes(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x).abs()).collect()
}

/// Offsets of sequences that follow each other.
pub fn offsets(lengths: &[usize]) -> Vec<usize> {
    std::iter::once(0)
        .chain(lengths.iter().scan(0, |end, n| {
            *end += n;
            Some(*end)
        }))
        .collect()
}

/// Holds every value within `roundings` relative roundings of `scale`, the sum of magnitudes that the value was summed from; names the
/// worst one otherwise.
pub fn assert_within(what: &str, got: &[f32], want: &[f64], scale: &[f64], roundings: usize) {
    assert_eq!((got.len(), want.len()), (want.len(), scale.len()), "{what}: sizes");
    let unit = f64::from(f32::EPSILON) / 2.0 * roundings as f64;
    let excess = |i: usize| {
        let error = (f64::from(got[i]) - want[i]).abs();
        if error.is_nan() { f64::INFINITY } else { error / (unit * scale[i] + f64::from(f32::MIN_POSITIVE)) }
    };
    let worst = (0..got.len()).max_by(|&a, &b| excess(a).total_cmp(&excess(b)));
    if let Some(i) = worst.filter(|&i| excess(i) > 1.0) {
        panic!("{what}[{i}] = {} instead of {}: {:.1} times the bound", got[i], want[i], excess(i));
    }
}

/// Gradient of f by central differences, one value at a time. f64 and a step of 1e-6 leave about 1e-9 of f's scale.
pub fn differences(x: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    const STEP: f64 = 1e-6;
    let mut x = x.to_vec();
    (0..x.len())
        .map(|i| {
            let at = x[i];
            x[i] = at + STEP;
            let above = f(&x);
            x[i] = at - STEP;
            let below = f(&x);
            x[i] = at;
            (above - below) / (2.0 * STEP)
        })
        .collect()
}

/// sum of a b.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
