//! What was really computed: multiply-adds, counted per thread by the kernels' drivers.
//!
//! A driver adds the multiply-adds of the results it delivers (a causal attention of T rows: T(T+1)/2 pairs; a tap that
//! falls outside the sequence: none), once per call, so counting costs nothing. `Probe` reads the difference
//! around each operation, and a test holds the profile equal to it.

use std::cell::Cell;

thread_local! {
    static MULTIPLY_ADDS: Cell<u64> = const { Cell::new(0) };
}

/// Adds `n` multiply-adds to this thread's count.
#[inline]
pub fn add(n: usize) {
    MULTIPLY_ADDS.with(|c| c.set(c.get() + n as u64));
}

/// This thread's multiply-adds so far.
pub fn multiply_adds() -> u64 {
    MULTIPLY_ADDS.with(Cell::get)
}
