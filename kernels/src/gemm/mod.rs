//! Matrix products, f32.
//!
//! One rule holds everywhere: **an output is one accumulator, summed over k in ascending order by fused multiply-adds**. Rows of a
//! tile, tiles of a block and blocks of k only decide where the accumulator waits meanwhile (a register, or c between
//! two blocks of k), so a row has the same bits whatever it is computed with.

mod drive;
mod gradient;
pub(crate) mod micro;
mod packed;

pub use drive::{Blocking, Epilogue, gemm, gemm_blocked};
pub use gradient::{GemmScratch, bias_gradient, gemm_weight_gradient};
pub use packed::PackedB;
