//! lsra-exec.

pub mod atomic;
pub mod eager;
pub mod macs;
pub mod packed;
pub mod weights;

pub use eager::{Eager, EagerState};
pub use macs::Macs;
pub use packed::{Directions, Packed};
pub use weights::Weights;
