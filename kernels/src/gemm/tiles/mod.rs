//! Products by AMX: the processor holds eight tiles, each of 16 rows of 64 bytes, and multiplies whole tiles.
//!
//! A tile of a is 16 rows of 16 words, one of b 16 words of 16 columns, one of c 16 x 16 sums; a word is two values of bf16 or four bytes, as for the
//! instructions on vectors, so panels have the same form. Each step takes 16 words of k. In bf16 a step adds products of even and of odd k up apart,
//! each ascending from zero, and then both to the sum: the same for every row, whatever it is computed with, but not the bits of the
//! instructions on vectors. Sums of bytes are exact.

pub(super) mod bytes;
mod ending;
pub(super) mod gradient;
mod multiply;
pub(crate) mod peak;
pub(super) mod product;

use crate::lines::Lines;
use std::arch::asm;
use std::cell::RefCell;
use std::marker::PhantomData;

/// Rows of a tile; also words of a row, and columns of a tile of sums.
pub(super) const SIDE: usize = 16;

/// Rows that are multiplied at once at most.
const ROWS: usize = 2 * SIDE;

/// Words between rows of sums: four tiles side by side.
const STRIDE: usize = 4 * SIDE;

/// Memory for the sums of the tiles that are multiplied at once, two by two or one by four; bits of f32 or i32.
#[repr(C, align(64))]
struct Sums {
    words: [u32; ROWS * STRIDE],
    /// The bias of columns that end within a tile; beyond them, anything.
    bias: [f32; STRIDE],
}

impl Sums {
    const ZEROS: Sums = Sums { words: [0; ROWS * STRIDE], bias: [0.0; STRIDE] };
}

thread_local! {
    /// Rows of a in words.
    static ROOM: RefCell<Lines<u32>> = const { RefCell::new(Lines::new()) };
}

/// Words between rows of a laid out: an odd number of lines, so that rows do not fall into the same sets of the first-level cache.
fn stride_of(words: usize) -> usize {
    (words.div_ceil(SIDE) | 1) * SIDE
}

/// All eight tiles of this thread, until it is dropped.
struct Tiles {
    /// Rows of tiles of a, and of sums.
    rows: usize,
    /// No other thread has them.
    thread: PhantomData<*const ()>,
}

impl Tiles {
    /// For products of so many rows: tiles of a and of sums are as low as the product where it is lower than they. Fewer rows take
    /// hardly less time to multiply, but less to read and write.
    ///
    /// # Safety
    /// The tier is [`crate::Tier::Amx`].
    #[inline(always)]
    unsafe fn configure(rows: usize) -> Tiles {
        /// As the instruction reads it.
        #[repr(C, align(64))]
        struct Configuration {
            palette: u8,
            start_row: u8,
            reserved: [u8; 14],
            bytes: [u16; 16],
            rows: [u8; 16],
        }
        let rows = rows.clamp(1, SIDE);
        let mut configuration =
            Configuration { palette: 1, start_row: 0, reserved: [0; 14], bytes: [0; 16], rows: [0; 16] };
        configuration.bytes[..8].fill(4 * SIDE as u16);
        // Sums and a; 5 to 7 hold b, or a second tile of a where there are that many rows.
        configuration.rows[..5].fill(rows as u8);
        configuration.rows[5..8].fill(SIDE as u8);
        // SAFETY: the caller has tiles; the configuration is valid, and nothing but the tiles is touched.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &configuration, options(nostack, readonly)) };
        Tiles { rows, thread: PhantomData }
    }
}

impl Drop for Tiles {
    /// Tiles in use would be saved at every switch of threads.
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: there are tiles, for they were configured.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}
