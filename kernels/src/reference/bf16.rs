//! Rounding to bf16, by comparing distances; and the order in which tiles add up.

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

/// bias + x w' of rows x: `[t, k]` and w: `[n, k]`, both rounded already, bias: `[n]`, as tiles make it: the products of each 32 values of k are
/// added up from zero, those of even and of odd k apart, and both together to what was there.
pub fn tile_product(x: &[f32], w: &[f32], bias: &[f32], k: usize) -> Vec<f32> {
    let step = |sum: f32, (x, w): (&[f32], &[f32])| {
        let mut halves = [0.0_f32; 2];
        for (i, (x, w)) in x.iter().zip(w).enumerate() {
            // A product of two bf16 is an f32.
            halves[i % 2] += x * w;
        }
        sum + (halves[0] + halves[1])
    };
    let output = |x: &[f32], (w, &bias): (&[f32], &f32)| x.chunks(32).zip(w.chunks(32)).fold(bias, step);
    x.chunks(k).flat_map(|x| w.chunks(k).zip(bias).map(move |w| output(x, w))).collect()
}
