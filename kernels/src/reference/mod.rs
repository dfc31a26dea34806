//! The oracles: what every kernel must compute, one file a kernel, written to be read.
//!
//! They are generic in the element type, so f64 runs them too: finite differences need that, and so do tolerances. Matrices are
//! plain row-major slices, results are new vectors.

pub mod activation;
pub mod attention;
pub mod bf16;
pub mod conv;
pub mod cross_entropy;
pub mod dropout;
pub mod embedding;
pub mod int8;
pub mod linear;
pub mod norm;
pub mod optim;
mod real;
pub mod softmax;

pub use real::Real;
