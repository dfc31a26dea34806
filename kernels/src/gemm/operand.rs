//! The forms in which a product's operands lie: how a tile of a is taken, and how a step of k is multiplied.

use super::bf16;
use super::micro::{self, Operands};
use crate::Rows;
use bytemuck::Pod;
use pulp::Simd;
use std::cell::RefCell;
use std::ops::Range;
use std::thread::LocalKey;

/// Bytes between rows of a that fall into the same few sets of a first-level cache.
const ALIASING: usize = 2 << 10;

/// A tile of a: a[row, step] at `row * a_row + step * a_k`.
pub(super) struct Tile<'a, W> {
    pub words: &'a [W],
    pub a_row: usize,
    pub a_k: usize,
}

/// One form of operands.
pub(super) trait Operand {
    /// What a step of k reads of a row: one value or more that follow one another.
    type Word: Pod;

    /// Values of k in a word.
    const VALUES: usize;

    /// Whether it is worth its own tiles for few rows: not where it only stands in for instructions that the tier lacks.
    const FAST: bool;

    /// Room of this thread for a tile.
    fn room() -> &'static LocalKey<RefCell<Vec<Self::Word>>>;

    /// The values of some rows of a in words, in `room` if not where they lie. `columns`: of b that will be multiplied with it.
    ///
    /// # Safety
    /// The body was entered for the instructions of this form.
    unsafe fn tile<'r, const MR: usize>(
        a: &Rows<'r>,
        row: usize,
        values: Range<usize>,
        columns: usize,
        room: &'r mut Vec<Self::Word>,
    ) -> Tile<'r, Self::Word>;

    /// acc[r][v] += sum over k of a[r, k] b[k, v], k ascending.
    ///
    /// # Safety
    /// The body was entered for the instructions of this form; `a` is readable for MR rows and `k` steps, `b` for `k` rows of `V` whole vectors, NV a panel.
    unsafe fn multiply<S: Simd, const MR: usize, const V: usize>(
        simd: S,
        o: Operands<Self::Word>,
        acc: &mut [[S::f32s; V]; MR],
    );
}

thread_local! {
    static VALUES: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
    static WORDS: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// f32 as it is.
pub(super) struct Exact;

impl Operand for Exact {
    type Word = f32;
    const VALUES: usize = 1;
    const FAST: bool = true;

    fn room() -> &'static LocalKey<RefCell<Vec<f32>>> {
        &VALUES
    }

    #[inline(always)]
    unsafe fn tile<'r, const MR: usize>(
        a: &Rows<'r>,
        row: usize,
        values: Range<usize>,
        columns: usize,
        room: &'r mut Vec<f32>,
    ) -> Tile<'r, f32> {
        let steps = values.len();
        // Copied only where it lies badly and will be read often.
        if MR >= 8 && (4 * a.stride).is_multiple_of(ALIASING) && columns > 64 {
            // One line more, so that rows do not fall into the same sets.
            let stride = steps.next_multiple_of(16) + 16;
            room.resize(MR * stride, 0.0);
            for (r, to) in room.chunks_exact_mut(stride).enumerate() {
                to[..steps].copy_from_slice(&a.row(row + r)[values.clone()]);
            }
            Tile { words: room, a_row: stride, a_k: 1 }
        } else {
            let start = row * a.stride + values.start;
            let span = if steps == 0 { 0 } else { (MR - 1) * a.stride + steps };
            Tile { words: &a.data[start.min(a.data.len())..][..span], a_row: a.stride, a_k: 1 }
        }
    }

    #[inline(always)]
    unsafe fn multiply<S: Simd, const MR: usize, const V: usize>(
        simd: S,
        o: Operands<f32>,
        acc: &mut [[S::f32s; V]; MR],
    ) {
        // SAFETY: the caller's.
        unsafe { micro::multiply(simd, o, acc) }
    }
}

/// bf16 without instructions for it: f32 whose lower half is zero.
pub(super) struct Rounded;

impl Operand for Rounded {
    type Word = f32;
    const VALUES: usize = 1;
    const FAST: bool = false;

    fn room() -> &'static LocalKey<RefCell<Vec<f32>>> {
        &VALUES
    }

    #[inline(always)]
    unsafe fn tile<'r, const MR: usize>(
        a: &Rows<'r>,
        row: usize,
        values: Range<usize>,
        _columns: usize,
        room: &'r mut Vec<f32>,
    ) -> Tile<'r, f32> {
        let steps = values.len();
        room.resize(MR * steps, 0.0);
        for r in 0..MR {
            for (to, &x) in room[r * steps..][..steps].iter_mut().zip(&a.row(row + r)[values.clone()]) {
                *to = bf16::round(x);
            }
        }
        Tile { words: room, a_row: steps, a_k: 1 }
    }

    #[inline(always)]
    unsafe fn multiply<S: Simd, const MR: usize, const V: usize>(
        simd: S,
        o: Operands<f32>,
        acc: &mut [[S::f32s; V]; MR],
    ) {
        // SAFETY: the caller's.
        unsafe { micro::multiply(simd, o, acc) }
    }
}

/// bf16 in words, multiplied by AVX-512 BF16.
#[cfg(target_arch = "x86_64")]
pub(super) struct Pairs;

#[cfg(target_arch = "x86_64")]
impl Operand for Pairs {
    type Word = u32;
    const VALUES: usize = 2;
    const FAST: bool = true;

    fn room() -> &'static LocalKey<RefCell<Vec<u32>>> {
        &WORDS
    }

    #[inline(always)]
    unsafe fn tile<'r, const MR: usize>(
        a: &Rows<'r>,
        row: usize,
        values: Range<usize>,
        _columns: usize,
        room: &'r mut Vec<u32>,
    ) -> Tile<'r, u32> {
        // Whole vectors, and one more, so that rows do not fall into the same sets.
        let stride = values.len().div_ceil(2).next_multiple_of(16) + 16;
        room.resize(MR * stride, 0);
        for r in 0..MR {
            // SAFETY: the body was entered for BF16, and the stride is whole vectors.
            unsafe { bf16::native::pair_row(&a.row(row + r)[values.clone()], &mut room[r * stride..][..stride]) };
        }
        Tile { words: room, a_row: stride, a_k: 1 }
    }

    #[inline(always)]
    unsafe fn multiply<S: Simd, const MR: usize, const V: usize>(
        _simd: S,
        o: Operands<u32>,
        acc: &mut [[S::f32s; V]; MR],
    ) {
        // SAFETY: the caller's.
        unsafe { bf16::native::multiply::<S, MR, V>(o, acc) }
    }
}
