//! Room for kernels to work in: grows, is never shrunk, starts on a cache line.

pub(crate) use crate::lines::LINE;
use crate::lines::Lines;
use std::cell::Cell;

/// A buffer that keeps what it once grew to.
pub(crate) type Scratch = Lines<f32>;

/// Cuts the next `len` values off `room`, and leaves the rest on a cache line. Panics where there are not as many.
#[inline(always)]
pub(crate) fn carve<'a>(room: &mut &'a mut [f32], len: usize) -> &'a mut [f32] {
    let part = room.split_off_mut(..len.next_multiple_of(LINE)).expect("the scratch was sized for its parts");
    &mut part[..len]
}

thread_local! {
    static SCRATCH: Cell<Scratch> = const { Cell::new(Scratch::new()) };
}

/// Runs `work` with this thread's scratch of at least `len` values.
pub(crate) fn with_scratch<R>(len: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    let mut scratch = SCRATCH.take();
    let result = work(scratch.grown(len));
    SCRATCH.set(scratch);
    result
}
