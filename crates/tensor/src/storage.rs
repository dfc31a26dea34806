//! Aligned storage that goes back to a pool of its thread when it is dropped.
//!
//! A training update makes and drops the same few hundred buffers each time. Asking the system for them would cost a page
//! fault every 4 KiB; here each thread keeps what it dropped, in size classes, and hands it out again.

use std::cell::RefCell;
use std::sync::Arc;

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
    static POOL: RefCell<Vec<Vec<Arc<Storage>>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of f32 that starts on a 64-byte boundary.
pub(crate) struct Storage {
    lines: Vec<Line>,
    class: usize,
}

impl Storage {
    /// The values; at least as many as were asked for.
    pub fn as_slice(&self) -> &[f32] {
        bytemuck::cast_slice(&self.lines)
    }

    /// The values, to write.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        bytemuck::cast_slice_mut(&mut self.lines)
    }
}

/// A share of a storage. The last one goes back to the pool as it is, counters included, so that handing it out again asks the system
/// for nothing.
#[derive(Clone)]
pub(crate) struct Shared(Option<Arc<Storage>>);

/// What holds until a share is dropped.
const HELD: &str = "a share holds its storage";

impl Shared {
    /// A storage of at least `len` values, **whose contents are whatever a former buffer left** (zeros at first).
    pub fn unfilled(len: usize) -> Shared {
        let (class, lines) = size_class(len.div_ceil(LINE));
        let kept = POOL.with_borrow_mut(|pool| {
            let from = class.min(pool.len())..(class + FITTING).min(pool.len());
            from.into_iter().find_map(|class| pool[class].pop())
        });
        Shared(Some(kept.unwrap_or_else(|| Arc::new(Storage { lines: vec![Line([0.0; LINE]); lines], class }))))
    }

    /// The storage.
    pub fn get(&self) -> &Storage {
        self.0.as_ref().expect(HELD)
    }

    /// The storage, to write; none where it is shared.
    pub fn get_mut(&mut self) -> Option<&mut Storage> {
        Arc::get_mut(self.0.as_mut().expect(HELD))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let Some(storage) = self.0.take() else { return };
        // Where two threads drop the last two shares at once, both may see the other's: then the system gets the buffer back.
        if Arc::strong_count(&storage) > 1 {
            return;
        }
        // A thread that is ending has no pool any more; then likewise.
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.is_empty() {
                pool.resize_with(CLASSES, Vec::new);
            }
            let class = &mut pool[storage.class];
            if class.len() < KEPT {
                class.push(storage);
            }
        });
    }
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
    fn a_dropped_buffer_is_handed_out_again() {
        let mut a = Shared::unfilled(1000);
        a.get_mut().unwrap().as_mut_slice()[7] = 3.0;
        let place = a.get().as_slice().as_ptr();
        assert_eq!(place as usize % 64, 0);
        let other = a.clone();
        assert!(a.get_mut().is_none());
        drop(a);
        assert!(Shared::unfilled(1000).get().as_slice().as_ptr() != place, "somebody still holds it");
        drop(other);
        let b = Shared::unfilled(990);
        assert_eq!(b.get().as_slice().as_ptr(), place);
        assert!(b.get().as_slice().len() >= 990);
    }
}
