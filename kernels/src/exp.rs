//! e^x, vectorised.
//!
//! x = n ln 2 + r with |r| <= ln 2 / 2; e^r by a polynomial of degree 7, e^x = 2^n e^r. ln 2 is subtracted in two parts, the first
//! exact for every n that occurs (Cody and Waite 1980).

use crate::{Isa, trace};
use pulp::{Simd, WithSimd};

/// Below it the result is 0: e^x is no longer a normal number there, and subnormal ones are flushed in training and decoding.
pub const SMALLEST: f32 = -87.336_54;
/// Above it the result is infinite.
pub const LARGEST: f32 = 88.722_83;

/// 1.5 x 2^23: adding it to a number below 2^22 leaves its nearest integer in the low bits.
const ROUND: f32 = 12_582_912.0;
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// e^x: within 2 ULP where the result is a normal number, 0 below, infinite above; NaN stays NaN.
#[inline(always)]
pub(crate) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |c| simd.splat_f32s(c);
    let bounded = simd.max_f32s(splat(SMALLEST), simd.min_f32s(splat(LARGEST), x));
    let (p, n) = power(simd, bounded);
    // n = 128, which no exponent holds, needs 2^n = 2^(n-1) x 2; n = -126 has no 2^(n-1).
    let positive = simd.greater_than_f32s(x, splat(0.0));
    let bias = simd.select_u32s(positive, simd.splat_u32s(126), simd.splat_u32s(127));
    let last = simd.select_f32s(positive, splat(2.0), splat(1.0));
    let scaled = simd.mul_f32s(simd.mul_f32s(p, two_to_the(simd, simd.add_u32s(n, bias))), last);
    let y = simd.select_f32s(simd.less_than_f32s(x, splat(SMALLEST)), splat(0.0), scaled);
    let y = simd.select_f32s(simd.greater_than_f32s(x, splat(LARGEST)), splat(f32::INFINITY), y);
    // A comparison with itself is false for NaN alone.
    simd.select_f32s(simd.equal_f32s(x, x), y, x)
}

/// The bits of [`exp`] where x is at most 88, in half the instructions: of softmaxes, from whose scores the largest was taken, or the
/// logarithm of their sum.
#[inline(always)]
pub(crate) fn exp_at_most_88<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // What is computed from numbers far below is thrown away.
    let (p, n) = power(simd, x);
    let scaled = simd.mul_f32s(p, two_to_the(simd, simd.add_u32s(n, simd.splat_u32s(127))));
    simd.select_f32s(simd.less_than_f32s(x, simd.splat_f32s(SMALLEST)), simd.splat_f32s(0.0), scaled)
}

/// e^r and n of x = n ln 2 + r.
#[inline(always)]
fn power<S: Simd>(simd: S, x: S::f32s) -> (S::f32s, S::u32s) {
    let splat = |c| simd.splat_f32s(c);
    let shifted = simd.mul_add_e_f32s(x, splat(std::f32::consts::LOG2_E), splat(ROUND));
    let n = simd.sub_f32s(shifted, splat(ROUND));
    let r = simd.mul_add_e_f32s(n, splat(-LN_2_HIGH), x);
    let r = simd.mul_add_e_f32s(n, splat(-LN_2_LOW), r);
    // Taylor's coefficients: at |r| <= 0.347 the first one left out, r^8 / 8!, is below 2^-27.
    let mut p = splat(1.0 / 5040.0);
    for c in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        p = simd.mul_add_e_f32s(p, r, splat(c));
    }
    // The low bits of `shifted` are n, those of ROUND are 0.
    (p, simd.sub_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(ROUND.to_bits())))
}

/// 2^(biased - 127).
#[inline(always)]
fn two_to_the<S: Simd>(simd: S, biased: S::u32s) -> S::f32s {
    simd.transmute_f32s_u32s(simd.wrapping_dyn_shl_u32s(biased, simd.splat_u32s(23)))
}

/// 1 / (1 + e^-x).
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    times_sigmoid(simd, simd.splat_f32s(1.0), x)
}

/// a / (1 + e^-x): a times the sigmoid of x, in one division and no product.
#[inline(always)]
pub(crate) fn times_sigmoid<S: Simd>(simd: S, a: S::f32s, x: S::f32s) -> S::f32s {
    let (one, most) = (simd.splat_f32s(1.0), simd.splat_f32s(88.0));
    let x = simd.neg_f32s(x);
    // Beyond, the result is at most 2^-126 x |a| either way. A selection, not a minimum, so that NaN stays NaN.
    let bounded = simd.select_f32s(simd.greater_than_f32s(x, most), most, x);
    simd.div_f32s(a, simd.add_f32s(one, exp_at_most_88(simd, bounded)))
}

/// x = e^x, value by value.
pub fn exp_in_place(isa: Isa, x: &mut [f32]) {
    let _span = trace::kernel("exp", [x.len()]);
    isa.vectorize(InPlace::<false>(x));
}

/// x = e^x, value by value, none of which is above 88: the exponential of softmaxes and gates, in half the instructions of
/// [`exp_in_place`].
pub fn exp_at_most_88_in_place(isa: Isa, x: &mut [f32]) {
    let _span = trace::kernel("exp_at_most_88", [x.len()]);
    isa.vectorize(InPlace::<true>(x));
}

/// SHORT: whether no value is above 88.
struct InPlace<'a, const SHORT: bool>(&'a mut [f32]);

impl<const SHORT: bool> WithSimd for InPlace<'_, SHORT> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (head, tail) = S::as_mut_simd_f32s(self.0);
        for x in head {
            *x = Self::of(simd, *x);
        }
        if !tail.is_empty() {
            let y = Self::of(simd, simd.partial_load_f32s(tail));
            simd.partial_store_f32s(tail, y);
        }
    }
}

impl<const SHORT: bool> InPlace<'_, SHORT> {
    #[inline(always)]
    fn of<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
        if const { SHORT } { exp_at_most_88(simd, x) } else { exp(simd, x) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_the_instructions_give_the_same_bits() {
        let mut values: Vec<f32> = (0..200_000u32).map(|i| 88.0 - i as f32 * 1e-3).collect();
        values.extend([
            0.0,
            -0.0,
            1e-30,
            -1e-30,
            SMALLEST,
            SMALLEST.next_down(),
            -1e9,
            f32::MIN,
            f32::NEG_INFINITY,
            f32::NAN,
        ]);
        for isa in Isa::available() {
            let [mut wants, mut gots] = [(); 2].map(|()| values.clone());
            exp_in_place(isa, &mut wants);
            exp_at_most_88_in_place(isa, &mut gots);
            for (x, (want, got)) in values.iter().zip(wants.iter().zip(&gots)) {
                assert!(
                    want.to_bits() == got.to_bits() || want.is_nan() && got.is_nan(),
                    "{isa:?} e^{x}: {got}, not {want}"
                );
            }
        }
    }
}
