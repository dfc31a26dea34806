//! Rounding to bf16, by comparing distances.

/// The bf16 nearest to x, of two equally near the one whose last bit is zero; subnormal values become zeros of their sign.
pub fn round_to_bf16(x: f32) -> f32 {
    if !x.is_finite() || x == 0.0 {
        return x;
    }
    if x.is_subnormal() {
        return 0.0_f32.copysign(x);
    }
    let below = f32::from_bits(x.to_bits() & 0xffff_0000);
    // Away from zero; beyond the largest finite value its bits are those of infinity, which stands for 2^128.
    let above = f32::from_bits((x.to_bits() & 0xffff_0000) + 0x1_0000);
    let far = if above.is_infinite() { 2_f64.powi(128).copysign(x.into()) } else { above.into() };
    let (down, up) = (f64::from(x) - f64::from(below), far - f64::from(x));
    let even = below.to_bits() & 0x1_0000 == 0;
    if down.abs() < up.abs() || (down.abs() == up.abs() && even) { below } else { above }
}
