//! Data, and answers held against oracles.

use lsra_kernels::gemm::Precision;
use lsra_kernels::reference::bf16::round_to_bf16;
use lsra_kernels::reference::int8::quantize;
use lsra_tensor::Tensor;
use std::ops::{Deref, DerefMut};

/// Values that lie as a tensor's do: from the start of a cache line on.
pub struct Values(Tensor);

impl FromIterator<f32> for Values {
    fn from_iter<I: IntoIterator<Item = f32>>(values: I) -> Values {
        let values: Vec<f32> = values.into_iter().collect();
        Values(Tensor::from_slice(1, values.len(), &values))
    }
}

impl Clone for Values {
    fn clone(&self) -> Values {
        self.iter().copied().collect()
    }
}

impl Deref for Values {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        self.0.data()
    }
}

impl DerefMut for Values {
    fn deref_mut(&mut self) -> &mut [f32] {
        self.0.data_mut()
    }
}

/// `n` zeros.
pub fn zeros(n: usize) -> Values {
    constant(n, 0.0)
}

/// `n` times x.
pub fn constant(n: usize, x: f32) -> Values {
    std::iter::repeat_n(x, n).collect()
}

/// `n` values in (-1, 1).
pub fn values(n: usize, seed: u32) -> Values {
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
pub fn rounded(x: &[f32], k: usize, precision: Precision) -> Values {
    match precision {
        Precision::F32 => x.iter().copied().collect(),
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

/// Of an operand.
pub fn bytes_of(precision: Precision) -> usize {
    match precision {
        Precision::F32 => 4,
        Precision::Bf16 => 2,
        Precision::Int8 => 1,
    }
}

/// Offsets of `n` sentences of 10 to 40 tokens, those of a lane's part of a batch.
pub fn sentences(n: usize) -> Vec<usize> {
    (0..=n).scan(0, |end, i| Some(std::mem::replace(end, *end + 10 + (i * 7) % 31))).collect()
}

/// Panics unless each value of `got` is near the one of `want`; a fast wrong kernel has no speed.
pub fn assert_near(what: &str, got: &[f32], want: &[f32]) {
    assert_within(what, 0.0, got, want);
}

/// As [`assert_near`], with `slack` added to what a difference may be.
pub fn assert_within(what: &str, slack: f32, got: &[f32], want: &[f32]) {
    assert_eq!(got.len(), want.len(), "{what}: size");
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!((got - want).abs() <= 1e-4 * (1.0 + want.abs()) + slack, "{what}[{i}] = {got} instead of {want}");
    }
}
