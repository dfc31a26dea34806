//! Room for kernels to work in: grows, is never shrunk, starts on a cache line.

use std::cell::Cell;

/// f32 values of a cache line; also the lanes of the widest vector.
pub(crate) const LINE: usize = 16;

#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// A buffer that keeps what it once grew to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scratch {
    lines: Vec<Line>,
}

impl Scratch {
    /// At least `len` values, whatever they hold: zeros at first, then what was left there.
    pub(crate) fn values(&mut self, len: usize) -> &mut [f32] {
        let lines = len.div_ceil(LINE);
        if self.lines.len() < lines {
            self.lines.resize(lines, Line([0.0; LINE]));
        }
        bytemuck::cast_slice_mut(&mut self.lines)
    }
}

/// Cuts the next `len` values off `room`, and leaves the rest on a cache line. Panics where there are not as many.
#[inline(always)]
pub(crate) fn carve<'a>(room: &mut &'a mut [f32], len: usize) -> &'a mut [f32] {
    let part = room.split_off_mut(..len.next_multiple_of(LINE)).expect("the scratch was sized for its parts");
    &mut part[..len]
}

thread_local! {
    static SCRATCH: Cell<Scratch> = const { Cell::new(Scratch { lines: Vec::new() }) };
}

/// Runs `work` with this thread's scratch of at least `len` values.
pub(crate) fn with_scratch<R>(len: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    let mut scratch = SCRATCH.take();
    let result = work(scratch.values(len));
    SCRATCH.set(scratch);
    result
}
