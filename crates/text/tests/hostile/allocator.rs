//! An allocator that counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Bytes that this thread has taken beyond what it gave back, which may be below zero, and the most of them.
    static OWN: Cell<(isize, isize)> = const { Cell::new((0, 0)) };
}

fn count_own(bytes: isize) {
    // A thread that is ending has no count any more.
    let _ = OWN.try_with(|own| {
        let (now, most) = own.get();
        own.set((now + bytes, most.max(now + bytes)));
    });
}

// SAFETY: every call goes to the system's allocator as it came; what is counted beside it touches no memory of theirs.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        MOST.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        count_own(layout.size() as isize);
        // SAFETY: the caller's promises are the system allocator's conditions.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        count_own(-(layout.size() as isize));
        // SAFETY: as above; the memory came from the system's allocator.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Held by the test that measures.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Bytes that this thread held at once while `work` ran, beyond those before it. Other tests' threads do not count.
pub fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let (before, _) = OWN.get();
    OWN.set((before, before));
    let result = work();
    (result, (OWN.get().1 - before) as usize)
}

/// Bytes that all threads held at once while `work`, which spreads over several, ran: what other tests draw meanwhile too.
pub fn peak_of_all_threads<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.load(Relaxed);
    MOST.store(before, Relaxed);
    let result = work();
    (result, MOST.load(Relaxed).saturating_sub(before))
}
