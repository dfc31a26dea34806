//! Matrix products on every tier: against the oracle, and against themselves.

mod common;

use common::batches::{Apart, nothing_to_multiply, rows_have_the_bits_of_one_large_batch};
use common::{assert_within, magnitudes, size, values, wide};
use lsra_kernels::gemm::{
    Blocking, Epilogue, GemmScratch, PackedB, Precision, bias_gradient, gemm, gemm_blocked, gemm_weight_gradient,
};
use lsra_kernels::reference::linear::{linear, linear_backward};
use lsra_kernels::{Isa, Rows, RowsMut};
use proptest::prelude::*;

/// `rows` rows of `cols` values, `stride` apart.
fn strided(rows: usize, cols: usize, stride: usize, seed: u64) -> (Vec<f32>, Vec<f32>) {
    let room = values(rows * stride, seed);
    let dense = (0..rows).flat_map(|r| room[r * stride..][..cols].to_vec()).collect();
    (room, dense)
}

fn product(isa: Isa, a: Rows<'_>, b: &PackedB, epilogue: Epilogue<'_>) -> Vec<f32> {
    let mut c = vec![f32::NAN; a.rows * b.n()];
    gemm(isa, a, b, RowsMut::new(&mut c, a.rows, b.n()), epilogue);
    c
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn products_are_the_oracles(m in size(), n in size(), k in size(), gap in 0usize..5, seed: u64) {
        let (a_room, a) = strided(m, k, k + gap, seed);
        let (w, bias, residual) = (values(n * k, seed ^ 1), values(n, seed ^ 2), values(m * n, seed ^ 3));
        let plain = linear(&wide(&a), &wide(&w), None, k);
        let biased = linear(&wide(&a), &wide(&w), Some(&wide(&bias)), k);
        let mut scale = linear(&magnitudes(&a), &magnitudes(&w), Some(&magnitudes(&bias)), k);
        scale.iter_mut().zip(magnitudes(&residual)).for_each(|(s, r)| *s += r);
        let plus = |y: &[f64]| -> Vec<f64> { y.iter().zip(wide(&residual)).map(|(y, r)| y + r).collect() };
        for isa in Isa::available() {
            let a = Rows::strided(&a_room, m, k, k + gap);
            let b = PackedB::from_transposed(isa, Rows::new(&w, n, k), Precision::F32);
            let check = |what: &str, got: &[f32], want: &[f64]| {
                assert_within(&format!("{isa:?} {what} [{m}, {k}] x [{k}, {n}]"), got, want, &scale, k + 4);
            };
            check("plain", &product(isa, a, &b, Epilogue::None), &plain);
            check("bias", &product(isa, a, &b, Epilogue::Bias(&bias)), &biased);
            let relu: Vec<f64> = biased.iter().map(|y| y.max(0.0)).collect();
            check("relu", &product(isa, a, &b, Epilogue::BiasRelu(&bias)), &relu);
            let with = Epilogue::BiasResidual { bias: &bias, residual: Rows::new(&residual, m, n) };
            check("residual", &product(isa, a, &b, with), &plus(&biased));
            let mut c = Apart::new(&residual, n, gap);
            gemm(isa, a, &b, c.rows(), Epilogue::Accumulate);
            check("accumulated", &c.dense(), &plus(&plain));
        }
    }

    #[test]
    fn blocks_move_no_bit(m in size(), n in size(), k in size(), kb in 1usize..40, nb in 1usize..70, seed: u64) {
        let (a, w, bias) = (values(m * k, seed), values(n * k, seed ^ 1), values(n, seed ^ 2));
        for isa in Isa::available() {
            let b = PackedB::from_transposed(isa, Rows::new(&w, n, k), Precision::F32);
            let a = Rows::new(&a, m, k);
            let whole = product(isa, a, &b, Epilogue::BiasRelu(&bias));
            let mut c = vec![f32::NAN; m * n];
            let to = RowsMut::new(&mut c, m, n);
            gemm_blocked(isa, a, &b, to, Epilogue::BiasRelu(&bias), Blocking { k: kb, n: nb });
            prop_assert_eq!(&c, &whole);
        }
    }

    #[test]
    fn both_packings_are_one_matrix(n in size(), k in size(), m in 1usize..9, seed: u64) {
        let (a, w, other) = (values(m * k, seed), values(n * k, seed ^ 1), values(n * k, seed ^ 2));
        let transposed: Vec<f32> = (0..k * n).map(|i| w[i % n * k + i / n]).collect();
        for isa in Isa::available() {
            let a = Rows::new(&a, m, k);
            let b = PackedB::from_transposed(isa, Rows::new(&w, n, k), Precision::F32);
            let same = PackedB::from_rows(isa, Rows::new(&transposed, k, n), Precision::F32);
            let want = product(isa, a, &b, Epilogue::None);
            prop_assert_eq!(&product(isa, a, &same, Epilogue::None), &want);
            let mut again = PackedB::from_transposed(isa, Rows::new(&other, n, k), Precision::F32);
            again.repack_transposed(Rows::new(&w, n, k));
            prop_assert_eq!(&product(isa, a, &again, Epilogue::None), &want);
            again.repack_rows(Rows::new(&transposed, k, n));
            prop_assert_eq!(&product(isa, a, &again, Epilogue::None), &want);
        }
    }

    #[test]
    fn gradients_are_the_oracles(t in size(), o in size(), i in size(), gap in 0usize..5, seed: u64) {
        let (x_room, x) = strided(t, i, i + gap, seed);
        let (dy_room, dy) = strided(t, o, o + gap, seed ^ 1);
        let (dw_before, db_before) = (values(o * i, seed ^ 2), values(o, seed ^ 3));
        let zeros = vec![0.0; o * i];
        let (_, dw, db) = linear_backward(&wide(&x), &zeros, &wide(&dy), i);
        let (_, dw_scale, db_scale) = linear_backward(&magnitudes(&x), &zeros, &magnitudes(&dy), i);
        let plus = |a: &[f64], b: Vec<f64>| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a + b).collect() };
        for isa in Isa::available() {
            let (x, dy) = (Rows::strided(&x_room, t, i, i + gap), Rows::strided(&dy_room, t, o, o + gap));
            let (mut got_w, mut got_b) = (dw_before.clone(), db_before.clone());
            gemm_weight_gradient(isa, dy, x, &mut got_w, Precision::F32, &mut GemmScratch::default());
            bias_gradient(isa, dy, &mut got_b);
            let scale = plus(&dw_scale, magnitudes(&dw_before));
            assert_within(&format!("{isa:?} dw"), &got_w, &plus(&dw, wide(&dw_before)), &scale, t + 2);
            let scale = plus(&db_scale, magnitudes(&db_before));
            assert_within(&format!("{isa:?} db"), &got_b, &plus(&db, wide(&db_before)), &scale, t + 2);
        }
    }
}

#[test]
fn a_rows_bits_do_not_depend_on_the_others() {
    rows_have_the_bits_of_one_large_batch(Precision::F32);
}

#[test]
fn nothing_to_multiply_is_no_error() {
    nothing_to_multiply(Precision::F32);
}
