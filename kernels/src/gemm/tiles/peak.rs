//! What tiles can do at most: products that wait for nothing.

use super::{SIDE, Tiles};
use pulp::{Simd, WithSimd};
use std::arch::asm;
use std::time::Instant;

/// Rounds of four products in one timing, some tenths of a millisecond.
const ROUNDS: usize = 1 << 15;

/// Measures products of bf16, or else of bytes, in 10^9 operations a second; a multiply-add is two.
pub struct Rate {
    pub bf16: bool,
}

impl WithSimd for Rate {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> f64 {
        /// Zeros times zeros, into sums that nobody reads.
        macro_rules! rounds {
            ($product:literal) => {
                asm!(
                    "tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3",
                    "tilezero tmm4", "tilezero tmm5", "tilezero tmm6", "tilezero tmm7",
                    "2:",
                    concat!($product, " tmm0, tmm4, tmm6"),
                    concat!($product, " tmm1, tmm4, tmm7"),
                    concat!($product, " tmm2, tmm5, tmm6"),
                    concat!($product, " tmm3, tmm5, tmm7"),
                    "dec {rounds}",
                    "jnz 2b",
                    rounds = inout(reg) ROUNDS => _,
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                    out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                    options(nostack, nomem)
                )
            };
        }
        // SAFETY: the body was entered for tiles.
        let _tiles = unsafe { Tiles::configure() };
        let start = Instant::now();
        // SAFETY: tiles are configured, and nothing else is touched.
        unsafe {
            if self.bf16 { rounds!("tdpbf16ps") } else { rounds!("tdpbusd") }
        }
        let values = SIDE * if self.bf16 { 2 } else { 4 };
        (2 * 4 * ROUNDS * SIDE * SIDE * values) as f64 / start.elapsed().as_secs_f64() / 1e9
    }
}
