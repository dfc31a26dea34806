//! Kernels and whole jobs, timed against the roof that binds them and against peers, each answer checked before it is timed.
//!
//! A [`Plan`] names what can be measured and builds it only when asked for; the [`Case`] it builds knows its work, its [`Bound`]s and
//! its peer. [`measure()`] times both sides in turns, because these machines drift: what is compared is the ratio of neighbours in time.
#![forbid(unsafe_code)]

pub mod bound;
pub mod case;
pub mod chart;
pub mod compare;
pub mod figure;
pub mod fit;
pub mod jobs;
pub mod kernels;
pub mod measure;
pub mod peers;
pub mod save;
pub mod summary;

pub use bound::{Bound, Roofs};
pub use case::{Case, Plan, Unit};
pub use figure::{Figure, Record};
pub use measure::{Effort, measure};
pub use peers::Peers;

/// All that can be measured: kernels, then jobs.
pub fn plans() -> Vec<Plan> {
    kernels::plans().into_iter().chain(jobs::plans()).collect()
}
