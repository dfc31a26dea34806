//! lsra-exec.

pub mod macs;
pub mod packed;
pub mod weights;

pub use macs::Macs;
pub use packed::{Directions, Packed};
pub use weights::Weights;
