//! What ran when: spans of time with a name and sizes, recorded by each thread for itself.
//!
//! ```
//! use lsra_kernels::trace;
//! fn twice(x: &mut [f32]) {
//!     let _span = trace::kernel("twice", [x.len()]);
//!     x.iter_mut().for_each(|x| *x *= 2.0);
//! }
//! trace::start(1000);
//! twice(&mut [1.0; 8]);
//! let trace = trace::stop();
//! assert_eq!(trace.threads[0].events[0].name, "twice");
//! ```
//!
//! Nothing is recorded unless somebody has called [`start`]: until then a span costs one relaxed load. A thread keeps its events to
//! itself until the outermost of its spans ends, and hands them over then; so a trace holds whole spans only, with all that is in them, and
//! a thread that is never within a span is never waited for. Recording is one for the process.

mod clock;
mod record;

pub use record::{start, stop};

use std::fmt;

/// What a span is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// A public entry of this crate. What runs within is what is meant to take the time.
    Kernel,
    /// An operation of a model, forward or backward.
    Operation,
    /// A part of a step.
    Phase,
    /// What is repeated: an update of training, a token of decoding.
    Step,
    /// Waiting for what other threads do.
    Wait,
}

impl Category {
    /// All of them.
    pub const ALL: [Category; 5] =
        [Category::Kernel, Category::Operation, Category::Phase, Category::Step, Category::Wait];

    /// The name in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Category::Kernel => "kernel",
            Category::Operation => "operation",
            Category::Phase => "phase",
            Category::Step => "step",
            Category::Wait => "wait",
        }
    }
}

/// Up to four sizes, shown as `4096x480x160`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Sizes {
    values: [u32; 4],
    count: u8,
}

impl Sizes {
    /// What does not fit into 32 bits is the most that does.
    fn of(sizes: &[usize]) -> Sizes {
        let mut values = [0; 4];
        for (value, &size) in values.iter_mut().zip(sizes) {
            *value = u32::try_from(size).unwrap_or(u32::MAX);
        }
        Sizes { values, count: sizes.len().min(4) as u8 }
    }

    /// The sizes that were given.
    pub fn values(&self) -> &[u32] {
        &self.values[..usize::from(self.count)]
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, value) in self.values().iter().enumerate() {
            write!(f, "{}{value}", if i == 0 { "" } else { "x" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A span that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What ran.
    pub name: &'static str,
    /// Of what kind that is.
    pub category: Category,
    /// On how much.
    pub sizes: Sizes,
    /// Nanoseconds from the start of the recording.
    pub start: u64,
    /// Likewise; not before the start.
    pub end: u64,
    /// Spans of this thread that it lies in.
    pub depth: u32,
    /// Multiply-adds that this thread did meanwhile, those of spans within included; 0 where nobody counts them.
    pub multiply_adds: u64,
}

/// What one thread did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadEvents {
    /// Tells threads of a process apart.
    pub id: u32,
    /// As the thread was named by who started it.
    pub name: String,
    /// In the order in which they ended: what is within a span comes before it.
    pub events: Vec<Event>,
}

/// A recording.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Every thread that a whole span was recorded of.
    pub threads: Vec<ThreadEvents>,
    /// Whether recording had ended by itself because there were as many events as were asked for.
    pub is_full: bool,
    /// What a span takes that it is not told of itself: nanoseconds of recording, measured after the end on empty spans.
    pub span_cost: f64,
}

/// Names of a product by the precision of its operands: `GEMM[precision as usize]`.
pub const GEMM: [&str; 3] = ["gemm/f32", "gemm/bf16", "gemm/int8"];
/// Likewise of the gradient of a weight.
pub const WEIGHT_GRADIENT: [&str; 3] = ["weight_gradient/f32", "weight_gradient/bf16", "weight_gradient/int8"];
/// Likewise of packing a weight.
pub const PACK: [&str; 3] = ["pack/f32", "pack/bf16", "pack/int8"];

/// From here to where it is dropped.
#[must_use = "a span ends where it is dropped"]
pub struct Span(Option<record::Open>);

impl Span {
    /// Multiply-adds that are within but that [`work`](crate::work) does not count.
    #[inline(always)]
    pub fn multiply_adds(mut self, count: impl FnOnce() -> usize) -> Span {
        if let Some(open) = &mut self.0 {
            open.uncounted = count() as u64;
        }
        self
    }
}

impl Drop for Span {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(open) = &self.0 {
            record::close(open);
        }
    }
}

/// A kernel, by its sizes: rows first, then what it sums over, then columns.
#[inline(always)]
pub fn kernel<const N: usize>(name: &'static str, sizes: [usize; N]) -> Span {
    span(Category::Kernel, name, sizes)
}

/// An operation of a model.
#[inline(always)]
pub fn operation<const N: usize>(name: &'static str, sizes: [usize; N]) -> Span {
    span(Category::Operation, name, sizes)
}

/// A part of a step.
#[inline(always)]
pub fn phase<const N: usize>(name: &'static str, sizes: [usize; N]) -> Span {
    span(Category::Phase, name, sizes)
}

/// What is repeated.
#[inline(always)]
pub fn step<const N: usize>(name: &'static str, sizes: [usize; N]) -> Span {
    span(Category::Step, name, sizes)
}

/// Waiting for other threads.
#[inline(always)]
pub fn wait(name: &'static str) -> Span {
    span(Category::Wait, name, [])
}

#[inline(always)]
fn span<const N: usize>(category: Category, name: &'static str, sizes: [usize; N]) -> Span {
    const { assert!(N <= 4, "a span has up to four sizes") };
    let recording = record::under_way();
    Span(if recording == 0 { None } else { record::open(recording, category, name, &sizes) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_opened_only_while_somebody_records() {
        let opened = || kernel("product", [1]).0.is_some();
        assert!(!opened());
        start(10);
        assert!(opened());
        stop();
        assert!(!opened());
        // One that ended by itself.
        start(1);
        (0..5).for_each(|_| drop(kernel("product", [1])));
        assert!(!opened());
        stop();
    }
}
