//! The threads that work on lanes.

use lsra_kernels::denormals::flush_denormals;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

/// As many threads as this process may use at once, a container's CPU quota respected.
pub fn available() -> usize {
    available_parallelism().map_or(1, NonZeroUsize::get)
}

/// So many threads, all of which flush denormals.
///
/// Panics where the system has no more threads to give.
pub fn pool(threads: usize) -> ThreadPool {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|i| format!("lsra-{i}"))
        // For as long as the thread lives: its control register dies with it.
        .start_handler(|_| std::mem::forget(flush_denormals()))
        .build()
        .expect("threads for training")
}
