//! Products in bf16 on every tier: against the oracle on rounded operands, and against themselves.

mod common;

use common::batches::{Apart, nothing_to_multiply, rows_have_the_bits_of_one_large_batch};
use common::{assert_within, magnitudes, size, values, wide};
use lsra_kernels::gemm::{
    Blocking, Epilogue, GemmScratch, PackedB, Precision, gemm, gemm_blocked, gemm_weight_gradient,
};
use lsra_kernels::reference::bf16::{round_to_bf16, tile_product};
use lsra_kernels::reference::linear::{linear, linear_backward};
use lsra_kernels::{Isa, Rows, RowsMut};
use proptest::prelude::*;

fn rounded(x: &[f32]) -> Vec<f32> {
    x.iter().map(|&x| round_to_bf16(x)).collect()
}

fn packed(isa: Isa, w: &[f32], n: usize, k: usize) -> PackedB {
    PackedB::from_transposed(isa, Rows::new(w, n, k), Precision::Bf16)
}

fn product(isa: Isa, a: Rows<'_>, b: &PackedB, epilogue: Epilogue<'_>) -> Vec<f32> {
    let mut c = vec![f32::NAN; a.rows * b.n()];
    gemm(isa, a, b, RowsMut::new(&mut c, a.rows, b.n()), epilogue);
    c
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn products_are_the_oracles_on_rounded_operands(m in size(), n in size(), k in size(), gap in 0usize..5, seed: u64) {
        let room = values(m * (k + gap), seed);
        let a: Vec<f32> = (0..m).flat_map(|r| room[r * (k + gap)..][..k].to_vec()).collect();
        let (w, bias, residual) = (values(n * k, seed ^ 1), values(n, seed ^ 2), values(m * n, seed ^ 3));
        let (ra, rw) = (rounded(&a), rounded(&w));
        let plain = linear(&wide(&ra), &wide(&rw), None, k);
        let biased = linear(&wide(&ra), &wide(&rw), Some(&wide(&bias)), k);
        let mut scale = linear(&magnitudes(&ra), &magnitudes(&rw), Some(&magnitudes(&bias)), k);
        scale.iter_mut().zip(magnitudes(&residual)).for_each(|(s, r)| *s += r);
        let plus = |y: &[f64]| -> Vec<f64> { y.iter().zip(wide(&residual)).map(|(y, r)| y + r).collect() };
        for isa in Isa::available() {
            let a = Rows::strided(&room, m, k, k + gap);
            let b = packed(isa, &w, n, k);
            let check = |what: &str, got: &[f32], want: &[f64]| {
                assert_within(&format!("{isa:?} {what} [{m}, {k}] x [{k}, {n}]"), got, want, &scale, k + 5);
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
    fn both_packings_are_one_matrix(n in size(), k in size(), m in 1usize..9, seed: u64) {
        let (a, w, other) = (values(m * k, seed), values(n * k, seed ^ 1), values(n * k, seed ^ 2));
        let transposed: Vec<f32> = (0..k * n).map(|i| w[i % n * k + i / n]).collect();
        for isa in Isa::available() {
            let a = Rows::new(&a, m, k);
            let want = product(isa, a, &packed(isa, &w, n, k), Epilogue::None);
            let same = PackedB::from_rows(isa, Rows::new(&transposed, k, n), Precision::Bf16);
            prop_assert_eq!(&product(isa, a, &same, Epilogue::None), &want);
            let mut again = packed(isa, &other, n, k);
            again.repack_rows(Rows::new(&transposed, k, n));
            prop_assert_eq!(&product(isa, a, &again, Epilogue::None), &want);
        }
    }

    #[test]
    fn a_row_has_the_same_bits_in_any_batch_and_any_blocks(
        m in 1usize..41, n in size(), k in size(), kb in 1usize..40, nb in 1usize..70, seed: u64,
    ) {
        let (a, w, bias) = (values(m * k, seed), values(n * k, seed ^ 1), values(n, seed ^ 2));
        for isa in Isa::available() {
            let b = packed(isa, &w, n, k);
            for epilogue in [Epilogue::None, Epilogue::Bias(&bias), Epilogue::BiasRelu(&bias), Epilogue::Accumulate] {
                let into = |a: &[f32], blocking: Option<Blocking>| {
                    let mut c = vec![0.25; a.len() / k * n];
                    let (a, to) = (Rows::new(a, a.len() / k, k), RowsMut::new(&mut c, a.len() / k, n));
                    match blocking {
                        Some(blocking) => gemm_blocked(isa, a, &b, to, epilogue, blocking),
                        None => gemm(isa, a, &b, to, epilogue),
                    }
                    c
                };
                let whole = into(&a, None);
                for r in 0..m {
                    prop_assert_eq!(&into(&a[r * k..][..k], None), &whole[r * n..][..n]);
                }
                prop_assert_eq!(&into(&a, Some(Blocking { k: kb, n: nb })), &whole);
            }
        }
    }

    #[test]
    fn gradients_are_the_oracles_on_rounded_operands(t in size(), o in size(), i in size(), gap in 0usize..5, seed: u64) {
        gradient_is_the_oracles(t, o, i, gap, seed);
    }
}

fn gradient_is_the_oracles(t: usize, o: usize, i: usize, gap: usize, seed: u64) {
    let (x_room, dy_room) = (values(t * (i + gap), seed), values(t * (o + gap), seed ^ 1));
    let dense = |room: &[f32], cols: usize| -> Vec<f32> {
        (0..t).flat_map(|r| rounded(&room[r * (cols + gap)..][..cols])).collect()
    };
    let (x, dy, before) = (dense(&x_room, i), dense(&dy_room, o), values(o * i, seed ^ 2));
    let zeros = vec![0.0; o * i];
    let (_, dw, _) = linear_backward(&wide(&x), &zeros, &wide(&dy), i);
    let (_, scale, _) = linear_backward(&magnitudes(&x), &zeros, &magnitudes(&dy), i);
    let plus = |a: Vec<f64>, b: Vec<f64>| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a + b).collect() };
    let (want, scale) = (plus(dw, wide(&before)), plus(scale, magnitudes(&before)));
    let mut scratch = GemmScratch::default();
    for isa in Isa::available() {
        let (x, dy) = (Rows::strided(&x_room, t, i, i + gap), Rows::strided(&dy_room, t, o, o + gap));
        // Twice with the same room: what an earlier product left in it is not seen.
        for _ in 0..2 {
            let mut got = before.clone();
            gemm_weight_gradient(isa, dy, x, &mut got, Precision::Bf16, &mut scratch);
            assert_within(&format!("{isa:?} dw [{o}, {i}] of {t}"), &got, &want, &scale, t + 3);
        }
    }
}

#[test]
fn a_rows_bits_do_not_depend_on_the_others() {
    rows_have_the_bits_of_one_large_batch(Precision::Bf16);
}

#[test]
fn gradients_of_many_tokens_are_the_oracles() {
    for t in [255, 256, 257, 511, 600] {
        gradient_is_the_oracles(t, 17, 33, 0, t as u64);
    }
}

/// Tiles of sums that lie in the gradient as a whole.
#[test]
fn gradients_of_whole_tiles_are_the_oracles() {
    for (o, i) in [(16, 64), (32, 32), (16, 16), (32, 16), (48, 96), (160, 160)] {
        gradient_is_the_oracles(70, o, i, 0, 1);
        gradient_is_the_oracles(300, o, i, 3, 2);
    }
}

/// A sum begins from the bias, or what c holds; each 32 values of k are added up by themselves, even and odd ones apart.
#[test]
fn tiles_add_up_in_the_order_they_say() {
    let (m, n) = (35, 81);
    for k in [1, 2, 31, 32, 33, 80, 160, 1100] {
        let (a, w, bias) = (values(m * k, 1), values(n * k, 2), values(n, 3));
        let want = tile_product(&rounded(&a), &rounded(&w), &bias, k);
        for isa in Isa::available().into_iter().filter(|isa| isa.has_tiles()) {
            let got = product(isa, Rows::new(&a, m, k), &packed(isa, &w, n, k), Epilogue::Bias(&bias));
            assert_eq!(got, want, "{isa:?} depth {k}");
        }
    }
}

#[test]
fn nothing_to_multiply_is_no_error() {
    nothing_to_multiply(Precision::Bf16);
}

#[test]
fn depths_beyond_a_block_are_the_oracles() {
    for k in [1023, 1024, 1025, 1300] {
        let (a, w) = (values(13 * k, 1), values(33 * k, 2));
        let (ra, rw) = (rounded(&a), rounded(&w));
        let want = linear(&wide(&ra), &wide(&rw), None, k);
        let scale = linear(&magnitudes(&ra), &magnitudes(&rw), None, k);
        for isa in Isa::available() {
            let got = product(isa, Rows::new(&a, 13, k), &packed(isa, &w, 33, k), Epilogue::None);
            assert_within(&format!("{isa:?} depth {k}"), &got, &want, &scale, k + 2);
        }
    }
}

/// Values times one: what remains is the rounding itself, of either operand and in either packing.
#[test]
fn operands_are_rounded_to_the_nearest_even() {
    let mut x: Vec<f32> =
        [0x3f80_8000_u32, 0x3f81_8000, 0x3f80_7fff, 0x3f80_8001, 0x7f7f_7fff, 0x0080_8000, 0x0080_0001]
            .into_iter()
            .flat_map(|bits| [f32::from_bits(bits), -f32::from_bits(bits)])
            .collect();
    x.extend([0.0, 1e-40, -1e-40, 3e38, f32::MIN_POSITIVE]);
    x.extend(values(100, 7));
    let want = rounded(&x);
    let n = x.len();
    for isa in Isa::available() {
        let one = packed(isa, &[1.0], 1, 1);
        assert_eq!(product(isa, Rows::new(&x, n, 1), &one, Epilogue::None), want, "{isa:?}: a");
        assert_eq!(product(isa, Rows::new(&[1.0], 1, 1), &packed(isa, &x, n, 1), Epilogue::None), want, "{isa:?}: b");
        let b = PackedB::from_rows(isa, Rows::new(&x, 1, n), Precision::Bf16);
        assert_eq!(product(isa, Rows::new(&[1.0], 1, 1), &b, Epilogue::None), want, "{isa:?}: rows of b");
        let mut dw = vec![0.0; n];
        let (x_row, one) = (Rows::new(&x, 1, n), Rows::new(&[1.0], 1, 1));
        gemm_weight_gradient(isa, one, x_row, &mut dw, Precision::Bf16, &mut GemmScratch::default());
        assert_eq!(dw, want, "{isa:?}: gradient");
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX] {
            let b = packed(isa, &[1.0], 1, 1);
            let got = product(isa, Rows::new(&[bad], 1, 1), &b, Epilogue::None)[0];
            let want = round_to_bf16(bad);
            assert!(got == want || (got.is_nan() && want.is_nan()), "{isa:?}: {bad} became {got}");
        }
    }
}
