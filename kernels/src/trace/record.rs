//! How spans become events.

use super::clock::{Origin, ticks};
use super::{Category, Event, Sizes, ThreadEvents, Trace};
use crate::work;
use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The number of the recording under way, from 1; 0: there is none. It orders nothing: a thread that sees it late records a span
/// less, or one whose recording is over, which [`hand_over`] finds out.
static RECORDING: AtomicU32 = AtomicU32::new(0);

/// What threads have handed over.
static SHELF: Mutex<Shelf> =
    Mutex::new(Shelf { number: 0, room: 0, is_full: false, origin: None, threads: Vec::new() });

struct Shelf {
    /// Of the newest recording.
    number: u32,
    /// Events that may still come.
    room: usize,
    is_full: bool,
    origin: Option<Origin>,
    threads: Vec<ThreadEvents>,
}

/// A span that has not ended.
pub(super) struct Open {
    name: &'static str,
    category: Category,
    sizes: Sizes,
    depth: u32,
    /// Multiply-adds of this thread up to here.
    before: u64,
    /// Those within that `work` does not count.
    pub uncounted: u64,
    start: u64,
}

/// Events of the outermost span under way, times in ticks.
struct Local {
    /// None until there is one.
    thread: Option<(u32, String)>,
    /// The recording that they belong to.
    recording: u32,
    depth: u32,
    /// Multiply-adds so far that `work` does not count.
    uncounted: u64,
    events: Vec<Event>,
}

thread_local! {
    static LOCAL: RefCell<Local> =
        const { RefCell::new(Local { thread: None, recording: 0, depth: 0, uncounted: 0, events: Vec::new() }) };
}

/// What no recording is numbered.
const NO_RECORDING: u32 = u32::MAX;

/// Events of an outermost span at most, so that one that never ends does not fill the memory: recording ends with it.
const MOST_WITHIN: usize = 1 << 20;

fn shelf() -> MutexGuard<'static, Shelf> {
    // Whoever panicked left nothing half-done that matters here.
    SHELF.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records from now on, until [`stop`] or until there are `most` events; a recording under way is thrown away. Spans that have begun
/// are not recorded.
pub fn start(most: usize) {
    let mut shelf = shelf();
    let number = shelf.number % (NO_RECORDING - 1) + 1;
    *shelf = Shelf { number, room: most, is_full: false, origin: Some(Origin::now()), threads: Vec::new() };
    RECORDING.store(number, Ordering::Relaxed);
}

/// Ends the recording and returns it; an empty one where there is none. A span under way is left out, with all that is in it.
pub fn stop() -> Trace {
    let (origin, mut threads, is_full) = {
        let mut shelf = shelf();
        RECORDING.store(0, Ordering::Relaxed);
        shelf.room = 0;
        (shelf.origin.take(), std::mem::take(&mut shelf.threads), shelf.is_full)
    };
    let Some(origin) = origin else { return Trace::default() };
    let tick = origin.tick();
    for event in threads.iter_mut().flat_map(|t| &mut t.events) {
        (event.start, event.end) = (origin.nanoseconds_to(event.start, tick), origin.nanoseconds_to(event.end, tick));
    }
    threads.sort_by_key(|t| t.id);
    Trace { threads, is_full, span_cost: span_cost() * tick }
}

/// The recording under way; 0: none.
#[inline(always)]
pub(super) fn under_way() -> u32 {
    RECORDING.load(Ordering::Relaxed)
}

/// None where this thread is within a span of an earlier recording, or is ending.
#[inline(never)]
pub(super) fn open(recording: u32, category: Category, name: &'static str, sizes: &[usize]) -> Option<Open> {
    let begun = LOCAL.try_with(|local| {
        let mut local = local.borrow_mut();
        if local.depth == 0 {
            local.recording = recording;
            local.events.clear();
        }
        (local.recording == recording).then(|| {
            local.depth += 1;
            (local.depth - 1, work::multiply_adds() + local.uncounted)
        })
    });
    let (depth, before) = begun.ok().flatten()?;
    // The clock last, and first in `close`: what recording takes is outside the span.
    Some(Open { name, category, sizes: Sizes::of(sizes), depth, before, uncounted: 0, start: ticks() })
}

#[inline(never)]
pub(super) fn close(open: &Open) {
    let end = ticks();
    // A thread that is ending hands nothing over.
    let _ = LOCAL.try_with(|local| {
        let mut local = local.borrow_mut();
        local.depth = open.depth;
        local.uncounted += open.uncounted;
        let multiply_adds = work::multiply_adds() + local.uncounted - open.before;
        let Open { name, category, sizes, depth, start, .. } = *open;
        // Cores whose counts differ by a few ticks must not make a span of negative length.
        let end = end.max(start);
        if local.events.len() < MOST_WITHIN {
            local.events.push(Event { name, category, sizes, start, end, depth, multiply_adds });
        }
        if depth == 0 {
            hand_over(&mut local);
        }
    });
}

fn hand_over(local: &mut Local) {
    let mut shelf = shelf();
    if RECORDING.load(Ordering::Relaxed) == local.recording {
        shelf.take(local);
    }
    local.events.clear();
}

impl Shelf {
    /// All of an outermost span, or nothing and the end of the recording.
    fn take(&mut self, local: &mut Local) {
        if local.events.len() > self.room || local.events.len() == MOST_WITHIN {
            self.is_full = true;
            RECORDING.store(0, Ordering::Relaxed);
            return;
        }
        self.room -= local.events.len();
        let (id, name) = local.thread.get_or_insert_with(new_thread);
        match self.threads.iter_mut().find(|t| t.id == *id) {
            Some(thread) => thread.events.extend_from_slice(&local.events),
            None => {
                self.threads.push(ThreadEvents { id: *id, name: name.clone(), events: local.events.clone() });
            }
        }
    }
}

fn new_thread() -> (u32, String) {
    static THREADS: AtomicU32 = AtomicU32::new(1);
    let id = THREADS.fetch_add(1, Ordering::Relaxed);
    (id, std::thread::current().name().map_or_else(|| format!("thread {id}"), str::to_owned))
}

/// Ticks that an empty span takes and does not contain itself: the median of batches of them, on a thread that is within no other span.
fn span_cost() -> f64 {
    const SPANS: usize = 256;
    let batch = |_| {
        let begun = ticks();
        for _ in 0..SPANS {
            open(NO_RECORDING, Category::Kernel, "empty", &[1, 1, 1]).iter().for_each(close);
        }
        let passed = ticks() - begun;
        let within: u64 = LOCAL.with_borrow(|l| l.events.iter().rev().take(SPANS).map(|e| e.end - e.start).sum());
        passed.saturating_sub(within) as f64 / SPANS as f64
    };
    let measure = || {
        let outermost = open(NO_RECORDING, Category::Phase, "spans", &[]);
        let mut costs: Vec<f64> = (0..21).map(batch).collect();
        outermost.iter().for_each(close);
        costs.sort_by(f64::total_cmp);
        costs[costs.len() / 2]
    };
    std::thread::scope(|scope| scope.spawn(measure).join()).unwrap_or(0.0)
}
