//! What the reference remembers between steps of decoding: every row it was ever given.

use super::Matrix;

/// Pools of rows: keys and values of an attention, or the inputs of a convolution.
#[derive(Clone, Debug, Default)]
pub struct ReferenceState {
    pools: Vec<Matrix>,
}

impl ReferenceState {
    /// Appends the rows of each value to its own pool. Returns the pools.
    pub(super) fn append<const N: usize>(&mut self, values: [&Matrix; N]) -> [&Matrix; N] {
        self.pools.resize(N, Matrix::default());
        for (pool, value) in self.pools.iter_mut().zip(values) {
            pool.columns = value.columns;
            pool.data.extend_from_slice(&value.data);
        }
        std::array::from_fn(|i| &self.pools[i])
    }
}
