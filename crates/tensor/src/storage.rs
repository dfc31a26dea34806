//! Aligned storage: such that goes back to a pool of its thread when it is dropped, such that is freed, and somebody else's bytes.
//!
//! A training update makes and drops the same few hundred buffers each time. Asking the system for them would cost a page
//! fault every 4 KiB; here each thread keeps what it dropped, in size classes, and hands it out again.

use crate::foreign::Foreign;
use std::cell::RefCell;
use std::mem::take;

/// f32 values in one cache line: the unit of allocation, so that every buffer starts on a line of its own.
#[derive(Clone, Copy, bytemuck::Zeroable, bytemuck::Pod)]
#[repr(C, align(64))]
struct Line([f32; LINE]);
const LINE: usize = 16;

/// Sizes from one line to 2^39: four classes to each doubling, so at most a fifth of a buffer is unused.
const CLASSES: usize = 160;

/// Classes that are looked through for a kept buffer: up to that of twice the size. Batches differ in length; were only the very
/// class looked at, a thread would come to keep as many buffers of every class as it ever needed of one.
const FITTING: usize = 5;

/// Buffers of one class that a thread keeps at most; what is dropped beyond goes back to the system.
const KEPT: usize = 1024;

thread_local! {
    static POOL: RefCell<Vec<Class>> = const { RefCell::new(Vec::new()) };
}

/// Kept buffers of one size. The last one that came is the first one to go, so what is not needed gathers at the front.
#[derive(Default)]
struct Class {
    kept: Vec<Vec<Line>>,
    /// The fewest that were kept since the last [`trim`]: the first so many were not needed.
    fewest: usize,
}

impl Class {
    fn take(&mut self) -> Option<Vec<Line>> {
        let lines = self.kept.pop();
        self.fewest = self.fewest.min(self.kept.len());
        lines
    }
}

/// Gives back to the system what this thread keeps and has not needed since it called this last. Sizes of batches differ, and what the
/// one needs is of no use to the other; a thread that trims after each keeps what the last one took.
pub fn trim() {
    POOL.with_borrow_mut(|pool| {
        for class in pool {
            class.kept.drain(..class.fewest);
            class.fewest = class.kept.len();
        }
    });
}

/// A buffer of f32. Its own starts on a 64-byte boundary.
pub struct Storage(Values);

enum Values {
    /// With their class in the pool.
    Pooled { lines: Vec<Line>, class: usize },
    /// Freed when it is dropped.
    Alone(Vec<Line>),
    /// Only to be read.
    Foreign(Foreign),
}

impl Storage {
    /// At least `len` values, **whose contents are whatever a former buffer left** (zeros at first).
    pub fn unfilled(len: usize) -> Storage {
        let (class, lines) = size_class(len.div_ceil(LINE));
        let kept = POOL.with_borrow_mut(|pool| {
            let from = class.min(pool.len())..(class + FITTING).min(pool.len());
            from.into_iter().find_map(|class| pool[class].take().map(|lines| (lines, class)))
        });
        let (lines, class) = kept.unwrap_or_else(|| (vec![Line([0.0; LINE]); lines], class));
        Storage(Values::Pooled { lines, class })
    }

    /// At least `len` zeros, which no pool will keep.
    pub(crate) fn alone(len: usize) -> Storage {
        Storage(Values::Alone(vec![Line([0.0; LINE]); len.div_ceil(LINE)]))
    }

    /// Values that somebody else holds.
    pub(crate) fn foreign(values: Foreign) -> Storage {
        Storage(Values::Foreign(values))
    }

    /// The values; at least as many as were asked for.
    pub fn as_slice(&self) -> &[f32] {
        match &self.0 {
            Values::Pooled { lines, .. } | Values::Alone(lines) => bytemuck::cast_slice(lines),
            Values::Foreign(values) => values.as_slice(),
        }
    }

    /// The values, to write. Panics where they are somebody else's.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        match &mut self.0 {
            Values::Pooled { lines, .. } | Values::Alone(lines) => bytemuck::cast_slice_mut(lines),
            Values::Foreign(_) => panic!("values of a file are not written"),
        }
    }

    /// What somebody else holds.
    pub(crate) fn as_foreign(&self) -> Option<&Foreign> {
        match &self.0 {
            Values::Foreign(values) => Some(values),
            Values::Pooled { .. } | Values::Alone(_) => None,
        }
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        let Values::Pooled { lines, class } = &mut self.0 else { return };
        let (lines, class) = (take(lines), *class);
        // A thread that is ending has no pool any more; then the buffer goes back to the system.
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.is_empty() {
                pool.resize_with(CLASSES, Class::default);
            }
            if pool[class].kept.len() < KEPT {
                pool[class].kept.push(lines);
            }
        });
    }
}

/// Gives back to the system all that this thread keeps.
pub fn empty() {
    POOL.with_borrow_mut(Vec::clear);
}

/// The class whose buffers hold `lines` lines, and how many they hold: `(4 + quarter) << shift` lines.
fn size_class(lines: usize) -> (usize, usize) {
    let lines = lines.max(1);
    if lines <= 4 {
        return (lines - 1, lines);
    }
    let shift = lines.ilog2() as usize - 2;
    let quarters = lines.div_ceil(1 << shift);
    let (shift, quarters) = if quarters == 8 { (shift + 1, 4) } else { (shift, quarters) };
    ((shift + 1) * 4 + quarters - 5, quarters << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_what_is_asked_and_waste_little() {
        let mut last = (0, 0);
        for lines in 1..100_000 {
            let (class, size) = size_class(lines);
            assert!(size >= lines && size * 4 <= lines * 5 + 4, "{lines} lines got {size}");
            assert!(class < CLASSES);
            assert!((class, size) == last || (class == last.0 + 1 && size > last.1) || lines == 1);
            last = (class, size);
        }
    }

    #[test]
    fn what_was_not_needed_is_given_back() {
        let kept = |len: usize| POOL.with_borrow(|pool| pool[size_class(len.div_ceil(LINE)).0].kept.len());
        let (large, small) = (100_000, 10_000);
        let three = || (0..3).map(|_| Storage::unfilled(large)).collect::<Vec<_>>();
        drop((three(), Storage::unfilled(small)));
        trim();
        assert_eq!((kept(large), kept(small)), (3, 1), "all were in use");
        drop((Storage::unfilled(large), Storage::unfilled(large)));
        trim();
        assert_eq!((kept(large), kept(small)), (2, 0));
    }

    #[test]
    fn a_dropped_buffer_is_handed_out_again() {
        let mut a = Storage::unfilled(1000);
        a.as_mut_slice()[7] = 3.0;
        let place = a.as_slice().as_ptr();
        assert_eq!(place as usize % 64, 0);
        drop(a);
        let b = Storage::unfilled(990);
        assert_eq!(b.as_slice().as_ptr(), place);
        assert!(b.as_slice().len() >= 990);
    }
}
