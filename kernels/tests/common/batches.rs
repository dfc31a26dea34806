//! A row of a product has the same bits in any batch: for each type of operands, on every tier.

use super::values;
use lsra_kernels::gemm::{Epilogue, PackedB, Precision, gemm};
use lsra_kernels::{Isa, Rows, RowsMut};

/// Rows of the large batch: whole tiles of any height, and a rest.
const LARGE: usize = 131;

/// [n, k]: odd ones; one less, as many and one more than one to three vectors or panels of any tier; more than one block of columns,
/// of steps and of words of steps.
const SHAPES: [[usize; 2]; 18] = [
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
