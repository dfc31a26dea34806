//! Sums of a few tiles at once, over all steps of k.

use super::{SIDE, STRIDE, Sums, Tiles};
use std::arch::asm;

/// Where the operands of some tiles of sums lie, in words.
#[derive(Clone, Copy)]
pub struct Operands {
    /// 16 words a row and step.
    pub a: *const u32,
    /// Between rows of a.
    pub a_row: usize,
    pub b: *const u32,
    /// Between words of k of b.
    pub b_word: usize,
    /// From the first two tiles of columns to the next two.
    pub b_next: usize,
    /// Steps of 16 words.
    pub steps: usize,
}

/// Which tiles are multiplied at once. Four of them, so that a sum is not waited for: a product of tiles starts every 16 cycles and takes 52.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// 32 rows, 32 columns.
    TwoByTwo,
    /// 32 rows, 16 columns.
    TwoByOne,
    /// 16 rows, 64 columns.
    OneByFour,
    /// 16 rows, 32 columns.
    OneByTwo,
    /// 16 rows, 16 columns.
    OneByOne,
}

impl Shape {
    /// For so many rows and columns that are left, both at least one: no more than that takes, and whole panels.
    pub fn of(rows: usize, columns: usize) -> Shape {
        match (rows > SIDE, columns) {
            (true, ..=SIDE) => Shape::TwoByOne,
            (true, _) => Shape::TwoByTwo,
            (false, ..=SIDE) => Shape::OneByOne,
            (false, 64..) => Shape::OneByFour,
            (false, _) => Shape::OneByTwo,
        }
    }

    /// Columns of sums.
    pub fn columns(self) -> usize {
        match self {
            Shape::TwoByOne | Shape::OneByOne => SIDE,
            Shape::TwoByTwo | Shape::OneByTwo => 2 * SIDE,
            Shape::OneByFour => 4 * SIDE,
        }
    }
}

/// Writes a block of tiles' assembly: which tile holds the sums of which place, and the instructions of a step. `a` and `b` move on with each step; `more` is
/// the second tile of rows of a, or of panels of b, whichever the shape has.
macro_rules! block {
    ($o:expr, $more:expr, $more_step:expr, $sums:expr, $carry:expr; $($tile:literal at $place:literal),+; $($line:expr),+) => {
        asm!(
            "test {carry}, {carry}",
            "jz 2f",
            $(concat!("tileloadd ", $tile, ", [{sums} + {stride} + ", $place, "]"),)+
            "jmp 3f",
            "2:",
            $(concat!("tilezero ", $tile),)+
            "3:",
            "test {steps}, {steps}",
            "jz 5f",
            "4:",
            $($line,)+
            "add {a}, 64",
            "add {b}, {b_step}",
            "add {more}, {more_step}",
            "dec {steps}",
            "jnz 4b",
            "5:",
            $(concat!("tilestored [{sums} + {stride} + ", $place, "], ", $tile),)+
            sums = in(reg) $sums,
            stride = in(reg) 4 * STRIDE,
            carry = in(reg) usize::from($carry),
            steps = inout(reg) $o.steps => _,
            a = inout(reg) $o.a => _,
            a_row = in(reg) 4 * $o.a_row,
            b = inout(reg) $o.b => _,
            b_word = in(reg) 4 * $o.b_word,
            b_step = in(reg) 4 * SIDE * $o.b_word,
            more = inout(reg) $more => _,
            more_step = in(reg) $more_step,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack)
        )
    };
}

/// A block for one instruction that multiplies.
macro_rules! multiply {
    ($product:literal, $shape:expr, $o:expr, $sums:expr, $carry:expr) => {{
        let (o, sums) = ($o, $sums);
        let rows = o.a.wrapping_add(SIDE * o.a_row);
        let next = o.b.wrapping_add(o.b_next);
        let b_step = 4 * SIDE * o.b_word;
        match $shape {
            Shape::TwoByTwo => block!(o, rows, 64_usize, sums, $carry;
                "tmm0" at "0", "tmm1" at "64", "tmm2" at "4096", "tmm3" at "4160";
                "tileloadd tmm4, [{a} + {a_row}]",
                "tileloadd tmm6, [{b} + {b_word}]",
                concat!($product, " tmm0, tmm4, tmm6"),
                "tileloadd tmm7, [{b} + {b_word} + 64]",
                concat!($product, " tmm1, tmm4, tmm7"),
                "tileloadd tmm5, [{more} + {a_row}]",
                concat!($product, " tmm2, tmm5, tmm6"),
                concat!($product, " tmm3, tmm5, tmm7")),
            Shape::TwoByOne => block!(o, rows, 64_usize, sums, $carry;
                "tmm0" at "0", "tmm2" at "4096";
                "tileloadd tmm4, [{a} + {a_row}]",
                "tileloadd tmm6, [{b} + {b_word}]",
                concat!($product, " tmm0, tmm4, tmm6"),
                "tileloadd tmm5, [{more} + {a_row}]",
                concat!($product, " tmm2, tmm5, tmm6")),
            Shape::OneByFour => block!(o, next, b_step, sums, $carry;
                "tmm0" at "0", "tmm1" at "64", "tmm2" at "128", "tmm3" at "192";
                "tileloadd tmm4, [{a} + {a_row}]",
                "tileloadd tmm5, [{b} + {b_word}]",
                concat!($product, " tmm0, tmm4, tmm5"),
                "tileloadd tmm6, [{b} + {b_word} + 64]",
                concat!($product, " tmm1, tmm4, tmm6"),
                "tileloadd tmm7, [{more} + {b_word}]",
                concat!($product, " tmm2, tmm4, tmm7"),
                "tileloadd tmm5, [{more} + {b_word} + 64]",
                concat!($product, " tmm3, tmm4, tmm5")),
            Shape::OneByTwo => block!(o, next, b_step, sums, $carry;
                "tmm0" at "0", "tmm1" at "64";
                "tileloadd tmm4, [{a} + {a_row}]",
                "tileloadd tmm6, [{b} + {b_word}]",
                concat!($product, " tmm0, tmm4, tmm6"),
                "tileloadd tmm7, [{b} + {b_word} + 64]",
                concat!($product, " tmm1, tmm4, tmm7")),
            Shape::OneByOne => block!(o, next, b_step, sums, $carry;
                "tmm0" at "0";
                "tileloadd tmm4, [{a} + {a_row}]",
                "tileloadd tmm6, [{b} + {b_word}]",
                concat!($product, " tmm0, tmm4, tmm6")),
        }
    }};
}

// Places of rows 16 and further, as the assembly has them.
const _: () = assert!(4 * SIDE * STRIDE == 4096);

/// sums = a b, or with `carry` sums += a b, in f32 of words of bf16.
///
/// # Safety
/// For each step and each tile of the shape `a` is readable for 16 rows of 16 words and `b` for 16 words of 16 columns.
#[inline(always)]
pub unsafe fn bf16(_tiles: &Tiles, shape: Shape, o: Operands, sums: &mut Sums, carry: bool) {
    // SAFETY: reads as the caller vouches; sums have room for any shape; tiles are configured.
    unsafe { multiply!("tdpbf16ps", shape, o, sums.0.as_mut_ptr(), carry) }
}

/// sums = a b in i32 of words of bytes, those of a unsigned, those of b signed.
///
/// # Safety
/// As of [`bf16`].
#[inline(always)]
pub unsafe fn bytes(_tiles: &Tiles, shape: Shape, o: Operands, sums: &mut Sums) {
    // SAFETY: as above.
    unsafe { multiply!("tdpbusd", shape, o, sums.0.as_mut_ptr(), false) }
}
