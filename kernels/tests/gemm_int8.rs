//! Products in int8 on every tier: equal to the oracle and so to each other, bit for bit.

mod common;

use common::batches::{Apart, nothing_to_multiply, rows_have_the_bits_of_one_large_batch};
use common::{size, values};
use lsra_kernels::gemm::{Epilogue, PackedB, Precision, gemm};
use lsra_kernels::reference::int8::linear_int8;
use lsra_kernels::{Isa, Rows, RowsMut, Tier};
use proptest::prelude::*;

fn packed(isa: Isa, w: &[f32], n: usize, k: usize) -> PackedB {
    PackedB::from_transposed(isa, Rows::new(w, n, k), Precision::Int8)
}

fn product(isa: Isa, a: Rows<'_>, b: &PackedB, epilogue: Epilogue<'_>) -> Vec<f32> {
    let mut c = vec![f32::NAN; a.rows * b.n()];
    gemm(isa, a, b, RowsMut::new(&mut c, a.rows, b.n()), epilogue);
    c
}

/// Rows of very different sizes.
fn uneven(rows: usize, k: usize, seed: u64) -> Vec<f32> {
    let mut x = values(rows * k, seed);
    x.chunks_mut(k).enumerate().for_each(|(r, row)| row.iter_mut().for_each(|x| *x *= 10_f32.powi(r as i32 % 7 - 3)));
    x
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn products_are_the_oracles_to_the_bit(m in size(), n in size(), k in size(), gap in 0usize..5, seed: u64) {
        products_are_the_oracles(m, n, k, gap, seed);
    }

    #[test]
    fn a_row_has_the_same_bits_in_any_batch(m in 1usize..41, n in size(), k in size(), seed: u64) {
        let (x, w) = (uneven(m, k, seed), values(n * k, seed ^ 1));
        for isa in Isa::available() {
            let b = packed(isa, &w, n, k);
            let whole = product(isa, Rows::new(&x, m, k), &b, Epilogue::None);
            for r in 0..m {
                let alone = product(isa, Rows::new(&x[r * k..][..k], 1, k), &b, Epilogue::None);
                prop_assert_eq!(&alone, &whole[r * n..][..n]);
            }
        }
    }

    #[test]
    fn both_packings_are_one_matrix(n in size(), k in size(), seed: u64) {
        let (x, w) = (values(3 * k, seed), values(n * k, seed ^ 1));
        let transposed: Vec<f32> = (0..k * n).map(|i| w[i % n * k + i / n]).collect();
        for isa in Isa::available() {
            let same = PackedB::from_rows(isa, Rows::new(&transposed, k, n), Precision::Int8);
            let a = Rows::new(&x, 3, k);
            prop_assert_eq!(product(isa, a, &same, Epilogue::None), product(isa, a, &packed(isa, &w, n, k), Epilogue::None));
        }
    }
}

fn products_are_the_oracles(m: usize, n: usize, k: usize, gap: usize, seed: u64) {
    let (x, w) = (uneven(m, k, seed), uneven(n, k, seed ^ 1));
    let (bias, residual) = (values(n, seed ^ 2), values(m * n, seed ^ 3));
    let mut room = vec![9.0; m * (k + gap)];
    room.chunks_mut(k + gap).zip(x.chunks(k)).for_each(|(to, x)| to[..k].copy_from_slice(x));
    let plain = linear_int8(&x, &w, k);
    let with =
        |f: &dyn Fn(usize, f32) -> f32| -> Vec<f32> { plain.iter().enumerate().map(|(i, &y)| f(i, y)).collect() };
    let biased = with(&|i, y| y + bias[i % n]);
    let relu = with(&|i, y| (y + bias[i % n]).max(0.0));
    let joined = with(&|i, y| y + bias[i % n] + residual[i]);
    let added = with(&|i, y| y + residual[i]);
    for isa in Isa::available() {
        let a = Rows::strided(&room, m, k, k + gap);
        let b = packed(isa, &w, n, k);
        let what = format!("{isa:?} [{m}, {k}] x [{k}, {n}]");
        assert_eq!(product(isa, a, &b, Epilogue::None), plain, "{what}");
        assert_eq!(product(isa, a, &b, Epilogue::Bias(&bias)), biased, "{what}, bias");
        assert_eq!(product(isa, a, &b, Epilogue::BiasRelu(&bias)), relu, "{what}, relu");
        let epilogue = Epilogue::BiasResidual { bias: &bias, residual: Rows::new(&residual, m, n) };
        assert_eq!(product(isa, a, &b, epilogue), joined, "{what}, residual");
        let mut c = Apart::new(&residual, n, gap);
        gemm(isa, a, &b, c.rows(), Epilogue::Accumulate);
        assert_eq!(c.dense(), added, "{what}, accumulated");
    }
}

/// Enough rows and steps for tiles, and panels and rows beside what tiles have.
#[test]
fn products_of_many_rows_are_the_oracles_to_the_bit() {
    for m in [8, 16, 17, 32, 33, 50] {
        for n in [16, 17, 33, 64, 97] {
            for k in [125, 128, 129, 257] {
                products_are_the_oracles(m, n, k, m % 3, k as u64);
            }
        }
    }
}

#[test]
fn nothing_to_multiply_is_no_error() {
    nothing_to_multiply(Precision::Int8);
}

/// Tiles read panels that were packed for vectors, and vectors those for tiles.
#[test]
fn tiers_of_the_same_vectors_share_panels() {
    let (m, n, k) = (33, 97, 129);
    let (x, w) = (values(m * k, 1), values(n * k, 2));
    let tiers: Vec<Isa> = [Tier::Avx512, Tier::Amx].into_iter().filter_map(|tier| Isa::of(tier).ok()).collect();
    for &by in &tiers {
        for &of in &tiers {
            let got = product(by, Rows::new(&x, m, k), &packed(of, &w, n, k), Epilogue::None);
            assert_eq!(got, linear_int8(&x, &w, k), "{by:?} by panels for {of:?}");
        }
    }
}

#[test]
fn a_rows_bits_do_not_depend_on_the_others() {
    rows_have_the_bits_of_one_large_batch(Precision::Int8);
}

/// The most that sums of a long row can be, and panels beyond one block.
#[test]
fn sums_of_long_rows_are_exact() {
    for (k, n) in [(4096, 33), (1024, 700)] {
        let (x, w) = (vec![1.0; 2 * k], vec![-1.0; n * k]);
        for isa in Isa::available() {
            let got = product(isa, Rows::new(&x, 2, k), &packed(isa, &w, n, k), Epilogue::None);
            assert_eq!(got, linear_int8(&x, &w, k), "{isa:?}");
        }
        let (x, w) = (values(13 * k, 1), values(n * k, 2));
        for isa in Isa::available() {
            let got = product(isa, Rows::new(&x, 13, k), &packed(isa, &w, n, k), Epilogue::None);
            assert_eq!(got, linear_int8(&x, &w, k), "{isa:?}");
        }
    }
}

#[test]
fn rows_of_zeros_and_of_what_is_not_finite() {
    for isa in Isa::available() {
        let b = packed(isa, &[1.0, -0.5, 0.0, 0.0], 2, 2);
        let x = [0.0, 0.0, 1e-40, -1e-41, f32::NAN, 1.0, 1.0, f32::INFINITY, 1.0, 0.0];
        let y = product(isa, Rows::new(&x, 5, 2), &b, Epilogue::None);
        assert_eq!(y[..4], [0.0; 4], "{isa:?}");
        assert!(y[4..8].iter().all(|y| y.is_nan()), "{isa:?}: {y:?}");
        // Nor does an epilogue make a number of it.
        let y = product(isa, Rows::new(&x, 5, 2), &b, Epilogue::BiasRelu(&[0.0; 2]));
        assert!(y[4..8].iter().all(|y| y.is_nan()), "{isa:?}: {y:?}");
        assert!((y[8] - 1.0).abs() < 1e-6 && y[9] == 0.0, "{isa:?}: {y:?}");
        let empty = PackedB::from_transposed(isa, Rows::new(&[], 2, 0), Precision::Int8);
        assert_eq!(product(isa, Rows::new(&[], 1, 0), &empty, Epilogue::Bias(&[1.0, 2.0])), [1.0, 2.0]);
    }
}
