//! What holds of products of any type of operands, on every tier: a row has the same bits in any batch; nothing is written between rows.

use super::values;
use lsra_kernels::gemm::{Epilogue, GemmScratch, PackedB, Precision, gemm, gemm_weight_gradient};
use lsra_kernels::{Isa, Rows, RowsMut};

/// Rows of the large batch: whole tiles of any height, and a rest.
const LARGE: usize = 131;

/// [n, k]: odd ones; one less, as many and one more than one to three vectors or panels of any tier; more than one block of columns,
/// of steps and of words of steps.
const SHAPES: [[usize; 2]; 19] = [
    // Rows that lie so that the same places of them fall into the same lines of a cache: f32 copies them.
    [96, 512],
    [1, 1],
    [7, 3],
    [15, 17],
    [16, 16],
    [17, 15],
    [31, 33],
    [33, 31],
    [47, 81],
    [48, 80],
    [49, 79],
    [63, 65],
    [65, 63],
    [97, 127],
    [255, 129],
    [257, 97],
    [289, 513],
    [33, 1025],
    [161, 2051],
];

/// Every number of rows from 1 to 40, from the start, the end and the midst of the large batch, so that each falls into tiles of
/// other heights than there.
pub fn rows_have_the_bits_of_one_large_batch(precision: Precision) {
    for [n, k] in SHAPES {
        let (a, w, bias) = (values(LARGE * k, 1), values(n * k, 2), values(n, 3));
        for isa in Isa::available() {
            let b = PackedB::from_transposed(isa, Rows::new(&w, n, k), precision);
            let product = |first: usize, rows: usize| -> Vec<u32> {
                let mut c = vec![f32::NAN; rows * n];
                let part = Rows::new(&a[first * k..][..rows * k], rows, k);
                gemm(isa, part, &b, RowsMut::new(&mut c, rows, n), Epilogue::Bias(&bias));
                c.into_iter().map(f32::to_bits).collect()
            };
            let large = product(0, LARGE);
            for m in 1..=40 {
                for first in [0, LARGE - m, 41 + m % 7] {
                    let wrong =
                        product(first, m).iter().zip(&large[first * n..]).position(|(part, whole)| part != whole);
                    if let Some(i) = wrong {
                        let (row, column) = (first + i / n, i % n);
                        panic!(
                            "{isa:?}, {precision}, [{k}, {n}]: row {row}, column {column} among {m} rows and {LARGE}"
                        );
                    }
                }
            }
        }
    }
}

/// Rows that lie apart, with something between them that no product may touch.
pub struct Apart {
    data: Vec<f32>,
    cols: usize,
    stride: usize,
}

impl Apart {
    const BETWEEN: f32 = 77.0;

    /// The rows of `dense`, `gap` values apart.
    pub fn new(dense: &[f32], cols: usize, gap: usize) -> Apart {
        let stride = cols + gap;
        let mut data = vec![Apart::BETWEEN; dense.len() / cols * stride];
        data.chunks_exact_mut(stride)
            .zip(dense.chunks_exact(cols))
            .for_each(|(to, row)| to[..cols].copy_from_slice(row));
        Apart { data, cols, stride }
    }

    pub fn rows(&mut self) -> RowsMut<'_> {
        let rows = self.data.len() / self.stride;
        RowsMut::strided(&mut self.data, rows, self.cols, self.stride)
    }

    /// The rows. Panics where what lies between them was written to.
    pub fn dense(&self) -> Vec<f32> {
        let row = |row: &[f32]| {
            let (row, between) = row.split_at(self.cols);
            assert!(between.iter().all(|&x| x == Apart::BETWEEN), "written between rows: {between:?}");
            row.to_vec()
        };
        self.data.chunks_exact(self.stride).flat_map(row).collect()
    }
}

/// Products of no steps are their bias, those of no rows nothing, and a gradient of no tokens changes nothing.
pub fn nothing_to_multiply(precision: Precision) {
    for isa in Isa::available() {
        let product = |m: usize, k: usize, n: usize| -> Vec<f32> {
            let (a, bias) = (values(m * k, 1), values(n, 2));
            let b = PackedB::from_transposed(isa, Rows::new(&values(n * k, 3), n, k), precision);
            let mut c = vec![f32::NAN; m * n];
            gemm(isa, Rows::new(&a, m, k), &b, RowsMut::new(&mut c, m, n), Epilogue::Bias(&bias));
            c
        };
        for (m, n) in [(1, 3), (2, 3), (40, 3), (40, 64)] {
            assert_eq!(product(m, 0, n), values(n, 2).repeat(m), "{isa:?}, {precision}");
        }
        assert_eq!(product(0, 2, 3), []);
        assert_eq!(product(0, 300, 64), []);
        if precision != Precision::Int8 {
            let mut dw = vec![1.0; 6];
            let (dy, x) = (Rows::new(&[], 0, 3), Rows::new(&[], 0, 2));
            gemm_weight_gradient(isa, dy, x, &mut dw, precision, &mut GemmScratch::default());
            assert_eq!(dw, [1.0; 6]);
        }
    }
}
