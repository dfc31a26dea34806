//! Asking for memory before it is needed.
//!
//! What a layer keeps for its adjoint, and the gradients that it adds to, have long left the caches when the adjoint comes: tiles that read
//! a few values of each row would wait for memory at every row. Training `iwslt-160` on Zen 5, weight gradients ran at 157 (f32) and 223 GFLOP/s
//! (bf16) without and at 183 and 266 with it; where all lies in a cache already it costs a few percent.

use crate::Rows;
use std::ops::Range;

/// Bytes that are asked for at most: a quarter of a second-level cache of 1 MiB, since a tile's two operands and its output share it. More
/// would drive out its own first rows before they are used: the gradient of an output projection ran at half its speed.
const MOST: usize = 256 << 10;

/// Asks for some rows, into the second-level cache. Does nothing where they are too many, or the processor has no such instruction.
#[inline]
pub(crate) fn rows(x: Rows<'_>, range: Range<usize>) {
    if size_of::<f32>() * x.cols * range.len() <= MOST {
        for r in range {
            row(x.row(r));
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn row(x: &[f32]) {
    use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
    for line in x.chunks(crate::lines::LINE) {
        // SAFETY: a prefetch touches nothing, whatever the address; and this one is valid.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn row(_x: &[f32]) {}
