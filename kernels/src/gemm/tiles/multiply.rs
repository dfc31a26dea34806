//! Sums of a few tiles at once, over all steps of k.

use super::{SIDE, Tiles};
use std::arch::asm;
use std::mem::offset_of;

/// Which tiles are multiplied at once. Four of them, so that a sum is not waited for: a product of tiles starts every 16 cycles and takes 52.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// 32 rows, 32 columns.
    TwoByTwo,
    /// 32 rows, 16 columns.
    TwoByOne,
    /// Up to 16 rows, 64 columns.
    OneByFour,
    /// Up to 16 rows, 32 columns.
    OneByTwo,
    /// Up to 16 rows, 16 columns.
    OneByOne,
}

impl Shape {
    /// The widest in whole panels that takes no more columns than are left. Rows and columns are at least one.
    pub fn of(rows: usize, columns: usize) -> Shape {
        match (rows > SIDE, columns) {
            (true, ..=SIDE) => Shape::TwoByOne,
            (true, _) => Shape::TwoByTwo,
            (false, ..=SIDE) => Shape::OneByOne,
            (false, 64..) => Shape::OneByFour,
            (false, _) => Shape::OneByTwo,
        }
    }

    /// Whether it has a second tile of rows.
    pub fn is_tall(self) -> bool {
        matches!(self, Shape::TwoByTwo | Shape::TwoByOne)
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

/// What the sums of some tiles are made of.
#[derive(Clone, Copy)]
pub struct Factors {
    /// 16 words a row and step.
    pub a: *const u32,
    /// Words between rows of a.
    pub a_row: usize,
    pub b: *const u32,
    /// Words between words of k of b.
    pub b_word: usize,
    /// Words from the first two tiles of columns to the next two.
    pub b_next: usize,
    /// Steps of 16 words.
    pub steps: usize,
}

/// The same, and where the sums begin and end.
#[derive(Clone, Copy)]
pub struct Operands {
    pub factors: Factors,
    /// What they begin from, 32-bit values as they are; zeros where there is nothing.
    pub from: Option<Place<*const u32>>,
    /// Where they go.
    pub to: Place<*mut u32>,
}

/// Where sums lie.
#[derive(Clone, Copy)]
pub struct Place<P> {
    pub at: P,
    /// Words between rows; 0 where all rows are one.
    pub row: usize,
}

/// The same as the assembly reads it, in bytes.
#[repr(C)]
struct Addresses {
    a: usize,
    a_row: usize,
    b: usize,
    b_word: usize,
    b_step: usize,
    /// The second tile of rows of a, or the third of columns of b, whichever the shape has.
    more: usize,
    more_step: usize,
    steps: usize,
    /// Null for zeros.
    from: usize,
    from_row: usize,
    /// Of the second tile of rows.
    from_more: usize,
    to: usize,
    to_row: usize,
    to_more: usize,
}

impl Addresses {
    #[inline(always)]
    fn of(o: Operands, shape: Shape) -> Addresses {
        let f = o.factors;
        let b_step = 4 * SIDE * f.b_word;
        let (more, more_step) = if shape.is_tall() {
            (f.a.wrapping_add(SIDE * f.a_row), 4 * SIDE)
        } else {
            (f.b.wrapping_add(f.b_next), b_step)
        };
        let from = o.from.unwrap_or(Place { at: std::ptr::null(), row: 0 });
        Addresses {
            a: f.a as usize,
            a_row: 4 * f.a_row,
            b: f.b as usize,
            b_word: 4 * f.b_word,
            b_step,
            more: more as usize,
            more_step,
            steps: f.steps,
            from: from.at as usize,
            from_row: 4 * from.row,
            from_more: from.at as usize + 4 * SIDE * from.row,
            to: o.to.at as usize,
            to_row: 4 * o.to.row,
            to_more: o.to.at as usize + 4 * SIDE * o.to.row,
        }
    }
}

/// The assembly of a shape: which tiles hold sums of the first 16 rows, at which byte of a row, and which those of the next; then the instructions of a
/// step, after which `a`, `b` and `more` move on.
macro_rules! block {
    ($o:expr; $($tile:literal at $place:literal),+; $($low:literal at $low_place:literal),*; $($line:expr),+) => {
        asm!(
            "mov {a}, [{o} + {o_from}]",
            "test {a}, {a}",
            "jz 2f",
            "mov {b}, [{o} + {o_from_row}]",
            $(concat!("tileloadd ", $tile, ", [{a} + {b} + ", $place, "]"),)+
            "mov {a}, [{o} + {o_from_more}]",
            $(concat!("tileloadd ", $low, ", [{a} + {b} + ", $low_place, "]"),)*
            "jmp 3f",
            "2:",
            $(concat!("tilezero ", $tile),)+
            $(concat!("tilezero ", $low),)*
            "3:",
            "mov {steps}, [{o} + {o_steps}]",
            "test {steps}, {steps}",
            "jz 5f",
            "mov {a}, [{o} + {o_a}]",
            "mov {a_row}, [{o} + {o_a_row}]",
            "mov {b}, [{o} + {o_b}]",
            "mov {b_word}, [{o} + {o_b_word}]",
            "mov {b_step}, [{o} + {o_b_step}]",
            "mov {more}, [{o} + {o_more}]",
            "mov {more_step}, [{o} + {o_more_step}]",
            "4:",
            $($line,)+
            "add {a}, 64",
            "add {b}, {b_step}",
            "add {more}, {more_step}",
            "dec {steps}",
            "jnz 4b",
            "5:",
            "mov {a}, [{o} + {o_to}]",
            "mov {b}, [{o} + {o_to_row}]",
            $(concat!("tilestored [{a} + {b} + ", $place, "], ", $tile),)+
            "mov {a}, [{o} + {o_to_more}]",
            $(concat!("tilestored [{a} + {b} + ", $low_place, "], ", $low),)*
            o = in(reg) $o,
            a = out(reg) _,
            a_row = out(reg) _,
            b = out(reg) _,
            b_word = out(reg) _,
            b_step = out(reg) _,
            more = out(reg) _,
            more_step = out(reg) _,
            steps = out(reg) _,
            o_a = const offset_of!(Addresses, a),
            o_a_row = const offset_of!(Addresses, a_row),
            o_b = const offset_of!(Addresses, b),
            o_b_word = const offset_of!(Addresses, b_word),
            o_b_step = const offset_of!(Addresses, b_step),
            o_more = const offset_of!(Addresses, more),
            o_more_step = const offset_of!(Addresses, more_step),
            o_steps = const offset_of!(Addresses, steps),
            o_from = const offset_of!(Addresses, from),
            o_from_row = const offset_of!(Addresses, from_row),
            o_from_more = const offset_of!(Addresses, from_more),
            o_to = const offset_of!(Addresses, to),
            o_to_row = const offset_of!(Addresses, to_row),
            o_to_more = const offset_of!(Addresses, to_more),
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack)
        )
    };
}

/// The shapes for one instruction that multiplies.
macro_rules! multiply {
    ($product:literal, $shape:expr, $o:expr) => {{
        let addresses = Addresses::of($o, $shape);
        match $shape {
            Shape::TwoByTwo => block!(&addresses;
                "tmm0" at "0", "tmm1" at "64";
                "tmm2" at "0", "tmm3" at "64";
                "tileloadd tmm4, [{a} + {a_row}]",
                "tileloadd tmm6, [{b} + {b_word}]",
                concat!($product, " tmm0, tmm4, tmm6"),
                "tileloadd tmm7, [{b} + {b_word} + 64]",
                concat!($product, " tmm1, tmm4, tmm7"),
                "tileloadd tmm5, [{more} + {a_row}]",
                concat!($product, " tmm2, tmm5, tmm6"),
                concat!($product, " tmm3, tmm5, tmm7")),
            Shape::TwoByOne => block!(&addresses;
                "tmm0" at "0";
                "tmm2" at "0";
                "tileloadd tmm4, [{a} + {a_row}]",
                "tileloadd tmm6, [{b} + {b_word}]",
                concat!($product, " tmm0, tmm4, tmm6"),
                "tileloadd tmm5, [{more} + {a_row}]",
                concat!($product, " tmm2, tmm5, tmm6")),
            Shape::OneByFour => block!(&addresses;
                "tmm0" at "0", "tmm1" at "64", "tmm2" at "128", "tmm3" at "192";;
                "tileloadd tmm4, [{a} + {a_row}]",
                "tileloadd tmm5, [{b} + {b_word}]",
                concat!($product, " tmm0, tmm4, tmm5"),
                "tileloadd tmm6, [{b} + {b_word} + 64]",
                concat!($product, " tmm1, tmm4, tmm6"),
                "tileloadd tmm7, [{more} + {b_word}]",
                concat!($product, " tmm2, tmm4, tmm7"),
                "tileloadd tmm5, [{more} + {b_word} + 64]",
                concat!($product, " tmm3, tmm4, tmm5")),
            Shape::OneByTwo => block!(&addresses;
                "tmm0" at "0", "tmm1" at "64";;
                "tileloadd tmm4, [{a} + {a_row}]",
                "tileloadd tmm6, [{b} + {b_word}]",
                concat!($product, " tmm0, tmm4, tmm6"),
                "tileloadd tmm7, [{b} + {b_word} + 64]",
                concat!($product, " tmm1, tmm4, tmm7")),
            Shape::OneByOne => block!(&addresses;
                "tmm0" at "0";;
                "tileloadd tmm4, [{a} + {a_row}]",
                "tileloadd tmm6, [{b} + {b_word}]",
                concat!($product, " tmm0, tmm4, tmm6")),
        }
    }};
}

/// Sums in f32 of words of bf16.
///
/// # Safety
/// For each step and each tile of the shape `a` is readable for a tile's rows of 16 words and `b` for 16 words of 16 columns; for each tile `from` is
/// readable, where there is one, and `to` writable, for a tile's rows of 16 words. A tile's rows are those that tiles were configured for; 16 for
/// shapes of two tiles of rows.
#[inline(always)]
pub unsafe fn bf16(_tiles: &Tiles, shape: Shape, o: Operands) {
    // SAFETY: reads and writes as the caller vouches; tiles are configured.
    unsafe { multiply!("tdpbf16ps", shape, o) }
}

/// Sums in i32 of words of bytes, those of a unsigned, those of b signed.
///
/// # Safety
/// As of [`bf16`].
#[inline(always)]
pub unsafe fn bytes(_tiles: &Tiles, shape: Shape, o: Operands) {
    // SAFETY: as above.
    unsafe { multiply!("tdpbusd", shape, o) }
}
