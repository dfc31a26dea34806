//! Dense f32 tensors: shape, strides, views, over aligned pooled storage.
//!
//! A tensor here is what an executor passes between layer-sized operations: a matrix `[rows, columns]`, row-major, whose
//! rows may lie apart (a range of another tensor's channels). Clones share the storage.
//! There is no arithmetic in this crate: that is the kernels'.

mod storage;
mod tensor;

pub use tensor::Tensor;
