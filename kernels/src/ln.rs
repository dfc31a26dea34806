//! ln x of numbers from 1 on, vectorised: of the sums of softmaxes, whose largest term is 1.
//!
//! x = 2^n m with m between the roots of a half and of two; ln m = 2 atanh(s) with s = (m - 1) / (m + 1), |s| <= 0.172, by its series.

use pulp::Simd;

/// The root of a half: where mantissas wrap.
const ROOT: u32 = 0x3f35_04f3;
/// 2^23: its low bits count.
const COUNT: f32 = 8_388_608.0;
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// ln x for x from 1 to the largest number, within 2 ULP; NaN stays NaN.
#[inline(always)]
pub(crate) fn ln_from_1<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |c| simd.splat_f32s(c);
    let bits = simd.sub_u32s(simd.transmute_u32s_f32s(x), simd.splat_u32s(ROOT));
    let exponent = simd.wrapping_dyn_shr_u32s(bits, simd.splat_u32s(23));
    let counted = simd.transmute_f32s_u32s(simd.or_u32s(exponent, simd.splat_u32s(COUNT.to_bits())));
    let n = simd.sub_f32s(counted, splat(COUNT));
    let mantissa = simd.add_u32s(simd.and_u32s(bits, simd.splat_u32s(0x007f_ffff)), simd.splat_u32s(ROOT));
    let m = simd.transmute_f32s_u32s(mantissa);
    let f = simd.sub_f32s(m, splat(1.0));
    let s = simd.div_f32s(f, simd.add_f32s(m, splat(1.0)));
    let z = simd.mul_f32s(s, s);
    // The first term left out, z^5 / 11, is below 2^-28.
    let mut p = splat(1.0 / 9.0);
    for c in [1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0] {
        p = simd.mul_add_e_f32s(p, z, splat(c));
    }
    // 2 s + 2 s z p: at worst 1.97 ULP, at 1.00386, of all numbers from 1 to 4.
    let s2 = simd.add_f32s(s, s);
    let small = simd.mul_f32s(simd.mul_f32s(s2, z), p);
    let low = simd.mul_add_e_f32s(n, splat(LN_2_LOW), small);
    let y = simd.mul_add_e_f32s(n, splat(LN_2_HIGH), simd.add_f32s(s2, low));
    // A comparison with itself is false for NaN alone.
    simd.select_f32s(simd.equal_f32s(x, x), y, x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use pulp::WithSimd;

    struct Ln(f32);

    impl WithSimd for Ln {
        type Output = f32;

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> f32 {
            bytemuck::cast_slice::<S::f32s, f32>(&[ln_from_1(simd, simd.splat_f32s(self.0))])[0]
        }
    }

    #[test]
    fn is_within_two_units_of_the_logarithm() {
        let mut values: Vec<f32> = (0..100_000u32).map(|i| 1.0 + i as f32 * 1e-4).collect();
        values.extend((0..20_000u32).map(|i| 1.0 + i as f32 * f32::EPSILON));
        values.extend((0..3000u32).map(|i| 1.05f32.powi((i % 1800) as i32)));
        values.extend([
            1.0f32.next_up(),
            2.0f32.sqrt().next_down(),
            2.0f32.sqrt(),
            2.0f32.sqrt().next_up(),
            64.0,
            f32::MAX,
        ]);
        for isa in Isa::available() {
            for &x in &values {
                let (got, want) = (isa.vectorize(Ln(x)), f64::from(x).ln());
                let unit = f64::from((want as f32).next_up() - want as f32);
                assert!((f64::from(got) - want).abs() <= 2.0 * unit, "{isa:?}: ln {x} = {got}, not {want}");
            }
            assert_eq!(isa.vectorize(Ln(1.0)), 0.0);
            assert!(isa.vectorize(Ln(f32::NAN)).is_nan());
        }
    }
}
