//! Dropout's masks, element by element.

use super::Real;
use crate::dropout::DropoutKey;

/// The four words that Philox4x32-10 makes of a counter under a key. Salmon et al. 2011, section 3.3.
pub fn philox(mut key: [u32; 2], mut counter: [u32; 4]) -> [u32; 4] {
    let product = |a: u32, b: u32| {
        let wide = u64::from(a) * u64::from(b);
        ((wide >> 32) as u32, wide as u32)
    };
    for _ in 0..10 {
        let (high0, low0) = product(0xD251_1F53, counter[0]);
        let (high1, low1) = product(0xCD9E_8D57, counter[2]);
        counter = [high1 ^ counter[1] ^ key[0], low1, high0 ^ counter[3] ^ key[1], low0];
        key = [key[0].wrapping_add(0x9E37_79B9), key[1].wrapping_add(0xBB67_AE85)];
    }
    counter
}

/// What element number `i` is multiplied by: 0, or 1 / (1 - p) with p rounded to a multiple of 2^-16.
///
/// Element i of a group of 128 has word i / 32 of the group's block i mod 16, and of that the lower half if it is among the first 16 of
/// its 32. It is dropped where those 16 bits are below p 2^16.
pub fn mask<T: Real>(key: DropoutKey, p: f32, i: u64) -> T {
    let (group, i) = (i / 128, i % 128);
    let block = group * 16 + i % 16;
    let words = philox(key.key, [block as u32, (block >> 32) as u32, key.counter[0], key.counter[1]]);
    let word = words[i as usize / 32];
    let bits = if i % 32 < 16 { word & 0xFFFF } else { word >> 16 };
    let limit = ((p * 65536.0).round() as u32).min(65535);
    if bits < limit { T::ZERO } else { T::from_f64(65536.0 / f64::from(65536 - limit)) }
}
