//! Asking for memory before it is needed.
//!
//! What a layer keeps for its adjoint, and the gradients that it adds to, have long left the caches when the adjoint comes: tiles that read
//! a few values of each row would wait for memory at every row.

use crate::Rows;
use std::ops::Range;

/// Asks for some rows, into the second-level cache. Does nothing where the processor has no such instruction.
#[inline]
pub(crate) fn rows(x: Rows<'_>, range: Range<usize>) {
    for r in range {
        row(x.row(r));
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
