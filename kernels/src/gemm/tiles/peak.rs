//! What tiles can do at most: products that wait for nothing.

use super::{SIDE, STRIDE, Tiles};
use crate::gemm::bf16;
use pulp::{Simd, WithSimd};
use std::arch::asm;
use std::time::Instant;

/// Rounds of four products in one timing, some tenths of a millisecond.
const ROUNDS: usize = 1 << 14;

/// Measures products of a type, in 10^9 operations a second; a multiply-add is two.
pub enum Rate {
    Bf16,
    Bytes,
}

impl WithSimd for Rate {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> f64 {
        macro_rules! rounds {
            ($product:literal, $words:expr) => {
                asm!(
                    "tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3",
                    "tileloadd tmm4, [{words} + {row}]",
                    "tileloadd tmm5, [{words} + {row} + 64]",
                    "tileloadd tmm6, [{words} + {row} + 128]",
                    "tileloadd tmm7, [{words} + {row} + 192]",
                    "2:",
                    concat!($product, " tmm0, tmm4, tmm6"),
                    concat!($product, " tmm1, tmm4, tmm7"),
                    concat!($product, " tmm2, tmm5, tmm6"),
                    concat!($product, " tmm3, tmm5, tmm7"),
                    "dec {rounds}",
                    "jnz 2b",
                    words = in(reg) $words,
                    row = in(reg) 4 * STRIDE,
                    rounds = inout(reg) ROUNDS => _,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack, readonly)
                )
            };
        }
        // Values that differ, as those of a product do: zeros take less power, so the clock stays higher than it ever is in use.
        let mut words = [0_u32; SIDE * STRIDE];
        for (i, word) in words.iter_mut().enumerate() {
            let value = |i: usize| bf16::bits((i * 7919 % 1000) as f32 / 500.0 - 1.0);
            *word = u32::from(value(2 * i)) | u32::from(value(2 * i + 1)) << 16;
        }
        // SAFETY: the body was entered for tiles.
        let _tiles = unsafe { Tiles::configure(SIDE) };
        let start = Instant::now();
        // SAFETY: tiles are configured, and four lie side by side in `words`.
        unsafe {
            match self {
                Rate::Bf16 => rounds!("tdpbf16ps", &words),
                Rate::Bytes => rounds!("tdpbusd", &words),
            }
        }
        let values = SIDE * if let Rate::Bf16 = self { 2 } else { 4 };
        (2 * 4 * ROUNDS * SIDE * SIDE * values) as f64 / start.elapsed().as_secs_f64() / 1e9
    }
}
