//! The right operand, packed once and read by every path.

use super::micro::NV;
use crate::{Isa, Rows};

/// `[k, n]` in panels of NV vectors: `[n / NR][k][NR]`. A last panel with no more columns than one vector is one vector wide; columns
/// beyond n are zero.
#[derive(Clone, Debug)]
pub struct PackedB {
    data: Vec<f32>,
    k: usize,
    n: usize,
    lanes: usize,
}

/// Lanes of f32 in a vector of this tier.
pub(super) fn lanes(isa: Isa) -> usize {
    match isa.tier() {
        crate::Tier::Scalar => 1,
        crate::Tier::Avx2 => 8,
        crate::Tier::Avx512 => 16,
    }
}

impl PackedB {
    /// The transpose of w: `[n, k]`, as weights `[out, in]` for y = x w'.
    pub fn from_transposed(isa: Isa, w: Rows<'_>) -> PackedB {
        let mut packed = PackedB::empty(isa, w.cols, w.rows);
        packed.repack_transposed(w);
        packed
    }

    /// w: `[k, n]` as it stands, as weights `[out, in]` for dx = dy w.
    pub fn from_rows(isa: Isa, w: Rows<'_>) -> PackedB {
        let mut packed = PackedB::empty(isa, w.rows, w.cols);
        packed.repack_rows(w);
        packed
    }

    /// New values for [`PackedB::from_transposed`]. Panics unless the shape is the same.
    pub fn repack_transposed(&mut self, w: Rows<'_>) {
        assert_eq!((w.cols, w.rows), (self.k, self.n), "shape of packed weights");
        let nr = NV * self.lanes;
        let mut at = 0;
        for start in (0..self.n).step_by(nr) {
            let width = self.panel_width(start);
            let valid = width.min(self.n - start);
            let panel = &mut self.data[at..at + width * self.k];
            for c in 0..valid {
                for (k, &x) in w.row(start + c).iter().enumerate() {
                    panel[k * width + c] = x;
                }
            }
            at += width * self.k;
        }
    }

    /// New values for [`PackedB::from_rows`]. Panics unless the shape is the same.
    pub fn repack_rows(&mut self, w: Rows<'_>) {
        assert_eq!((w.rows, w.cols), (self.k, self.n), "shape of packed weights");
        let nr = NV * self.lanes;
        let mut at = 0;
        for start in (0..self.n).step_by(nr) {
            let width = self.panel_width(start);
            let valid = width.min(self.n - start);
            for (k, row) in self.data[at..at + width * self.k].chunks_exact_mut(width).enumerate() {
                row[..valid].copy_from_slice(&w.row(k)[start..start + valid]);
            }
            at += width * self.k;
        }
    }

    /// Rows: what a product sums over.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Columns.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Bytes of the packed values.
    pub fn bytes(&self) -> usize {
        std::mem::size_of_val(self.data.as_slice())
    }

    fn empty(isa: Isa, k: usize, n: usize) -> PackedB {
        let mut packed = PackedB { data: Vec::new(), k, n, lanes: lanes(isa) };
        let nr = NV * packed.lanes;
        let columns: usize = (0..n).step_by(nr).map(|start| packed.panel_width(start)).sum();
        packed.data = vec![0.0; columns * k];
        packed
    }

    /// Columns of the panel that starts at column `start`, padding included.
    pub(super) fn panel_width(&self, start: usize) -> usize {
        if self.n - start <= self.lanes { self.lanes } else { NV * self.lanes }
    }

    pub(super) fn lanes(&self) -> usize {
        self.lanes
    }

    /// Rows `k0..k0 + count` of the panel that starts at column `start`.
    pub(super) fn panel(&self, start: usize, k0: usize, count: usize) -> &[f32] {
        let width = self.panel_width(start);
        &self.data[start * self.k + k0 * width..][..count * width]
    }
}
