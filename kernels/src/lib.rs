//! SIMD kernels of lsra: slices in, slices out.
//!
//! Every kernel takes an [`isa::Isa`] first and runs single-threaded. All matrices are row-major f32, channels last.
//! A kernel's scalar oracle stands in `reference`, generic in the element type.

pub mod activation;
pub mod agreement;
pub mod attention;
mod columns;
pub mod conv;
pub mod cross_entropy;
pub mod denormals;
pub mod distil;
pub mod dropout;
pub mod elementwise;
pub mod embedding;
pub mod exp;
pub mod gemm;
pub mod glu;
pub mod isa;
mod lines;
mod ln;
pub mod norm;
pub mod optim;
pub mod peak;
mod prefetch;
mod product;
pub mod reference;
mod rows;
mod scratch;
pub mod softmax;
pub mod trace;
mod vectors;
pub mod work;

pub use isa::{Isa, Tier};
pub use rows::{Rows, RowsMut};
