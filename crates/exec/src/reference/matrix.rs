//! An f64 matrix.

use std::ops::Range;

/// `[rows, columns]`, row after row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// Columns.
    pub columns: usize,
    /// Values.
    pub data: Vec<f64>,
}

impl Matrix {
    /// Panics where the values are no whole number of rows.
    pub fn new(columns: usize, data: Vec<f64>) -> Matrix {
        assert!(data.len().is_multiple_of(columns), "{} values in rows of {columns}", data.len());
        Matrix { columns, data }
    }

    /// All rows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.data.chunks(self.columns)
    }

    /// One row.
    pub fn row(&self, r: usize) -> &[f64] {
        &self.data[self.span(r..r + 1)]
    }

    /// Where the values of these rows are.
    pub(super) fn span(&self, rows: Range<usize>) -> Range<usize> {
        rows.start * self.columns..rows.end * self.columns
    }

    /// These rows, in this order.
    pub(super) fn gather(&self, rows: &[u32]) -> Matrix {
        Matrix::new(self.columns, rows.iter().flat_map(|&r| self.row(r as usize)).copied().collect())
    }
}
