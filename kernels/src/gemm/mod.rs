//! Matrix products: operands f32, or rounded to bf16, or to bytes; results f32.
//!
//! One rule holds everywhere: **an output is one accumulator, summed over k in ascending order by multiply-adds**, which are fused but on
//! the scalar tier. Rows of a
//! tile, tiles of a block and blocks of k only decide where the accumulator waits meanwhile (a register, or c between
//! two blocks of k), so a row has the same bits whatever it is computed with. Tiles of bf16 (`tiles`) follow a rule of their own to the same end.

mod bf16;
mod drive;
mod epilogue;
mod gradient;
mod gradient_bf16;
mod int8;
pub(crate) mod micro;
mod operand;
mod packed;
mod precision;
#[cfg(target_arch = "x86_64")]
pub(crate) mod tiles;

pub use drive::{Blocking, gemm, gemm_blocked};
pub use epilogue::Epilogue;
pub use gradient::{GemmScratch, bias_gradient, gemm_weight_gradient};
pub use packed::PackedB;
pub use precision::Precision;
