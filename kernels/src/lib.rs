//! SIMD kernels of lsra: slices in, slices out.
//!
//! Every kernel takes an [`isa::Isa`] first and runs single-threaded. All matrices are row-major f32, channels last.
//! A kernel's scalar f64-accumulating oracle stands in `reference`, generic in the element type.

pub mod isa;
pub mod work;

pub use isa::{Isa, Tier};
