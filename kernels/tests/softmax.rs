//! e^x over its whole range, and softmax on it, on every tier.

mod common;

use common::{assert_within, values, wide};
use lsra_kernels::exp::{LARGEST, SMALLEST, exp_in_place};
use lsra_kernels::reference::softmax as oracle;
use lsra_kernels::softmax::{log_softmax_rows, softmax_rows, softmax_rows_backward};
use lsra_kernels::{Isa, Rows, RowsMut};
use proptest::prelude::*;

/// Distance to the exact value in units of the last place that f32 has there.
fn ulps(got: f32, want: f64) -> f64 {
    let exponent = (want as f32).to_bits() >> 23 & 0xFF;
    (f64::from(got) - want).abs() / (f64::from(exponent as i32 - 150)).exp2()
}

#[test]
fn exponentials_are_within_two_ulps_wherever_they_are_normal_numbers() {
    // Every 499th number of each sign from the smallest subnormal to the bound, and the bounds themselves.
    let mut x: Vec<f32> = [LARGEST, SMALLEST]
        .into_iter()
        .flat_map(|bound| {
            let sign = bound.to_bits() & 1 << 31;
            (0..=bound.abs().to_bits()).step_by(499).map(move |bits| f32::from_bits(bits | sign)).chain([bound])
        })
        .collect();
    // 2^(n + 1/2): where the nearest power of two changes, the polynomial is at its edges.
    x.extend((-125..127).flat_map(|n| {
        let edge = ((f64::from(n) + 0.5) * std::f64::consts::LN_2) as f32;
        [edge.next_down(), edge, edge.next_up()]
    }));
    for isa in Isa::available() {
        let mut y = x.clone();
        exp_in_place(isa, &mut y);
        for (&x, &y) in x.iter().zip(&y) {
            let error = ulps(y, f64::from(x).exp());
            assert!(error <= 2.0, "{isa:?}: e^{x:e} = {y:e} is off by {error:.2} ULP");
        }
    }
}

#[test]
fn exponentials_of_what_is_no_ordinary_number() {
    for isa in Isa::available() {
        for lanes in [1, 16, 19] {
            let exp = |x: f32| {
                let mut y = vec![x; lanes];
                exp_in_place(isa, &mut y);
                assert!(y.iter().all(|v| v.to_bits() == y[0].to_bits()), "{isa:?}: {y:?}");
                y[0]
            };
            assert_eq!(exp(0.0), 1.0);
            assert_eq!(exp(-0.0), 1.0);
            assert_eq!(exp(f32::INFINITY), f32::INFINITY);
            assert_eq!(exp(LARGEST.next_up()), f32::INFINITY);
            assert!(exp(LARGEST).is_finite());
            assert_eq!(exp(f32::NEG_INFINITY), 0.0);
            assert_eq!(exp(SMALLEST.next_down()), 0.0);
            assert!(exp(SMALLEST).is_normal());
            assert!(exp(f32::NAN).is_nan());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn softmax_is_the_oracles(rows in 1usize..6, n in 1usize..150, gap in 0usize..4, spread in 0.1f32..40.0, seed: u64) {
        let room: Vec<f32> = values(rows * (n + gap), seed).iter().map(|x| x * spread).collect();
        let x: Vec<f32> = room.chunks(n + gap).flat_map(|row| row[..n].to_vec()).collect();
        let dense = |room: &[f32]| -> Vec<f32> { room.chunks(n + gap).flat_map(|row| row[..n].to_vec()).collect() };
        let (want, want_log) = (oracle::softmax_rows(&wide(&x), n), oracle::log_softmax_rows(&wide(&x), n));
        // A logit is rounded once more where the largest is taken off it, by up to u 2 spread; e^ makes that relative.
        let scale: Vec<f64> = want.iter().map(|y| y * (1.0 + 2.0 * f64::from(spread))).collect();
        let log_scale: Vec<f64> = want_log.iter().map(|y| 1.0 + y.abs() + 2.0 * f64::from(spread)).collect();
        for isa in Isa::available() {
            let mut y = room.clone();
            softmax_rows(isa, RowsMut::strided(&mut y, rows, n, n + gap));
            assert_within(&format!("{isa:?} softmax"), &dense(&y), &want, &scale, n + 10);
            let mut log = room.clone();
            log_softmax_rows(isa, RowsMut::strided(&mut log, rows, n, n + gap));
            assert_within(&format!("{isa:?} log softmax"), &dense(&log), &want_log, &log_scale, n + 10);
            // What lies between rows is left alone, and a row does not depend on the others.
            for r in 0..rows {
                let between = r * (n + gap) + n..(r + 1) * (n + gap);
                prop_assert_eq!(&y[between.clone()], &room[between.clone()]);
                prop_assert_eq!(&log[between.clone()], &room[between]);
                let (mut one, mut one_log) = (x[r * n..][..n].to_vec(), x[r * n..][..n].to_vec());
                softmax_rows(isa, RowsMut::new(&mut one, 1, n));
                log_softmax_rows(isa, RowsMut::new(&mut one_log, 1, n));
                prop_assert_eq!(&one, &dense(&y)[r * n..][..n]);
                prop_assert_eq!(&one_log, &dense(&log)[r * n..][..n]);
            }
        }
    }

    #[test]
    fn softmaxs_gradient_is_the_oracles(rows in 1usize..6, n in 1usize..150, seed: u64) {
        let y = oracle::softmax_rows(&values(rows * n, seed), n);
        let dy = values(rows * n, seed ^ 1);
        let want = oracle::softmax_rows_backward(&wide(&y), &wide(&dy), n);
        let scale: Vec<f64> = y.iter().map(|&y| 2.0 * f64::from(y)).collect();
        for isa in Isa::available() {
            let mut dx = dy.clone();
            softmax_rows_backward(isa, Rows::new(&y, rows, n), RowsMut::new(&mut dx, rows, n));
            assert_within(&format!("{isa:?} softmax backward"), &dx, &want, &scale, n + 4);
        }
    }
}

#[test]
fn a_score_of_minus_infinity_has_no_share() {
    for isa in Isa::available() {
        let mut x = vec![f32::NEG_INFINITY; 19];
        (x[3], x[18]) = (500.0, 500.0);
        softmax_rows(isa, RowsMut::new(&mut x, 1, 19));
        let want: Vec<f32> = (0..19).map(|i| if i == 3 || i == 18 { 0.5 } else { 0.0 }).collect();
        assert_eq!(x, want, "{isa:?}");
    }
}
