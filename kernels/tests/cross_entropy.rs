//! The fused output projection, softmax and loss, on every tier: against projection and loss one after the other in f64.

mod common;

use common::{assert_within, magnitudes, values, wide};
use lsra_kernels::cross_entropy::{LossScratch, projection_loss, projection_loss_backward};
use lsra_kernels::gemm::{PackedB, Precision};
use lsra_kernels::reference::cross_entropy::{smoothed_losses, smoothed_losses_backward};
use lsra_kernels::reference::linear::{linear, linear_backward};
use lsra_kernels::{Isa, Rows, RowsMut};
use proptest::prelude::*;

struct Case {
    rows: usize,
    words: usize,
    d: usize,
    x: Vec<f32>,
    w: Vec<f32>,
    targets: Vec<u32>,
    smoothing: f32,
}

struct Losses {
    loss: Vec<f32>,
    nll: Vec<f32>,
}

struct Gradients {
    losses: Losses,
    dx: Vec<f32>,
    dw: Vec<f32>,
}

impl Case {
    fn new([rows, words, d]: [usize; 3], spread: f32, smoothing: f32, seed: u64) -> Case {
        let x = values(rows * d, seed).iter().map(|x| x * spread).collect();
        let place = values(rows, seed ^ 2);
        let targets = place.iter().map(|x| (((x + 1.0) / 2.0 * words as f32) as u32).min(words as u32 - 1)).collect();
        Case { rows, words, d, x, w: values(words * d, seed ^ 1), targets, smoothing }
    }

    /// The losses of rows `range`.
    fn losses(&self, isa: Isa, range: std::ops::Range<usize>) -> Losses {
        let w = PackedB::from_transposed(isa, Rows::new(&self.w, self.words, self.d), Precision::F32);
        let (mut loss, mut nll) = (vec![f32::NAN; range.len()], vec![f32::NAN; range.len()]);
        let x = Rows::new(&self.x[range.start * self.d..range.end * self.d], range.len(), self.d);
        let targets = &self.targets[range];
        projection_loss(isa, x, &w, targets, self.smoothing, &mut loss, &mut nll, &mut LossScratch::default());
        Losses { loss, nll }
    }

    fn gradients(&self, isa: Isa, scale: f32, dw_before: &[f32]) -> Gradients {
        let matrix = Rows::new(&self.w, self.words, self.d);
        let (w, w_rows) =
            (PackedB::from_transposed(isa, matrix, Precision::F32), PackedB::from_rows(isa, matrix, Precision::F32));
        let (mut loss, mut nll) = (vec![f32::NAN; self.rows], vec![f32::NAN; self.rows]);
        let (mut dx, mut dw) = (vec![f32::NAN; self.x.len()], dw_before.to_vec());
        projection_loss_backward(
            isa,
            Rows::new(&self.x, self.rows, self.d),
            &w,
            &w_rows,
            &self.targets,
            self.smoothing,
            scale,
            &mut loss,
            &mut nll,
            RowsMut::new(&mut dx, self.rows, self.d),
            &mut dw,
            &mut LossScratch::default(),
        );
        Gradients { losses: Losses { loss, nll }, dx, dw }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Rows also beyond a tile's 128.
    #[test]
    fn losses_and_gradients_are_the_oracles(
        rows in prop_oneof![0usize..20, 126usize..131, Just(259)],
        words in 1usize..120,
        d in 1usize..40,
        spread in 0.1f32..8.0,
        smoothing in prop_oneof![Just(0.0f32), Just(0.1), 0.0f32..0.9],
        scale in 1e-3f32..2.0,
        seed: u64,
    ) {
        let case = Case::new([rows, words, d], spread, smoothing, seed);
        let (x, w) = (wide(&case.x), wide(&case.w));
        let logits = linear(&x, &w, None, d);
        let want = smoothed_losses(&logits, words, &case.targets, smoothing);
        let dlogits: Vec<f64> = smoothed_losses_backward(&logits, words, &case.targets, smoothing)
            .iter().map(|d| d * f64::from(scale)).collect();
        let (dx, dw, _) = linear_backward(&x, &w, &dlogits, d);
        let dw_before = values(words * d, seed ^ 3);

        // A logit is off by d roundings of the sum of its terms' magnitudes; `reach` is the largest such sum of a row. Losses are
        // sums over words of what is as large as twice that. A probability is off by as much, relatively.
        let terms = linear(&magnitudes(&case.x), &magnitudes(&case.w), None, d);
        let reach: Vec<f64> = terms.chunks(words).map(|row| row.iter().fold(1.0f64, |m, x| m.max(*x))).collect();
        let roundings = 2 * (d + words) + 16;
        let loss_scale: Vec<f64> = reach.iter().map(|r| 2.0 * r + (words as f64).ln()).collect();
        let dlogits_scale: Vec<f64> = (0..rows * words).map(|i| {
            let (t, j) = (i / words, i % words);
            let share = f64::from(smoothing) / words as f64;
            let hit = if case.targets[t] as usize == j { 1.0 - f64::from(smoothing) } else { 0.0 };
            let p = dlogits[i] / f64::from(scale) + hit + share;
            f64::from(scale) * (p * 2.0 * reach[t] + hit + share)
        }).collect();
        let (dx_scale, dw_scale, _) = linear_backward(&magnitudes(&case.x), &magnitudes(&case.w), &dlogits_scale, d);
        let plus = |a: &[f64], b: Vec<f64>| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a + b).collect() };
        for isa in Isa::available() {
            let got = case.gradients(isa, scale, &dw_before);
            assert_within(&format!("{isa:?} loss"), &got.losses.loss, &want.smoothed, &loss_scale, roundings);
            assert_within(&format!("{isa:?} nll"), &got.losses.nll, &want.nll, &loss_scale, roundings);
            assert_within(&format!("{isa:?} dx"), &got.dx, &dx, &dx_scale, roundings + words);
            let (want_dw, scale_dw) = (plus(&dw, wide(&dw_before)), plus(&dw_scale, magnitudes(&dw_before)));
            assert_within(&format!("{isa:?} dw"), &got.dw, &want_dw, &scale_dw, roundings + rows);
            // Without gradients the same losses come out, to the bit, and so do those of any part of the rows.
            for part in [0..rows, 0..rows / 2, rows / 2..rows] {
                let plain = case.losses(isa, part.clone());
                prop_assert_eq!(&plain.loss, &got.losses.loss[part.clone()]);
                prop_assert_eq!(&plain.nll, &got.losses.nll[part]);
            }
        }
    }
}

/// Logits of 1,000 and more neither overflow nor make a NaN.
#[test]
fn large_logits_have_finite_losses() {
    let case = Case::new([5, 33, 16], 1000.0, 0.1, 1);
    for isa in Isa::available() {
        let got = case.gradients(isa, 1.0, &vec![0.0; 33 * 16]);
        assert!([got.losses.loss, got.losses.nll, got.dx, got.dw].concat().iter().all(|x| x.is_finite()), "{isa:?}");
    }
}

#[test]
#[should_panic(expected = "target 7 is not one of 7 words")]
fn a_target_beyond_the_words_is_an_error() {
    let mut case = Case::new([2, 7, 3], 1.0, 0.1, 1);
    case.targets[1] = 7;
    case.losses(Isa::SCALAR, 0..2);
}
