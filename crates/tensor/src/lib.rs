//! Dense f32 tensors: shape, strides, views, over aligned storage that is used again.
//!
//! A tensor here is what an executor passes between layer-sized operations: a matrix `[rows, columns]`, row-major, whose
//! rows may lie apart (a range of another tensor's channels). Clones share the storage.
//! There is no arithmetic in this crate: that is the kernels'.

mod arena;
mod foreign;
mod storage;
mod tensor;

pub use arena::Arena;
pub use foreign::Holder;
pub use storage::{Storage, empty, trim};
pub use tensor::Tensor;
