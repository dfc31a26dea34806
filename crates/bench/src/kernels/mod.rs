//! Kernels at the sizes of `iwslt-160`, each held against its oracle.

mod attention;
mod conv;
pub(crate) mod data;
mod gemm;
mod loss;
mod rowwise;

use crate::Plan;

/// Every kernel's.
pub fn plans() -> Vec<Plan> {
    [gemm::plans(), conv::plans(), rowwise::plans(), loss::plans(), attention::plans()].into_iter().flatten().collect()
}
