//! The fused loss against a teacher, on every tier: against projection and loss one after the other in f64.

mod common;

use common::{assert_within, magnitudes, values, wide};
use lsra_kernels::cross_entropy::{ComparedLosses, LossScratch, projection_loss_backward};
use lsra_kernels::distil::{Distillation, TeacherRows, projection_distil_loss_backward};
use lsra_kernels::gemm::{PackedB, Precision};
use lsra_kernels::reference::bf16::round_to_bf16;
use lsra_kernels::reference::cross_entropy::{distilled_losses, distilled_losses_backward};
use lsra_kernels::reference::linear::{linear, linear_backward};
use lsra_kernels::reference::softmax::log_softmax_rows;
use lsra_kernels::{Isa, Rows, RowsMut};
use proptest::prelude::*;
use std::ops::Range;

/// Student's and teacher's, where there are two.
struct Case {
    words: usize,
    d: [usize; 2],
    x: [Vec<f32>; 2],
    w: [Vec<f32>; 2],
    targets: Vec<u32>,
    to: Distillation,
}

#[derive(Debug, PartialEq)]
struct Found {
    loss: Vec<f32>,
    nll: Vec<f32>,
    divergence: Vec<f32>,
    dx: Vec<f32>,
    dw: Vec<f32>,
}

impl Case {
    fn new([rows, words]: [usize; 2], d: [usize; 2], spread: f32, to: Distillation, seed: u64) -> Case {
        let place = values(rows, seed ^ 2);
        let targets = place.iter().map(|x| (((x + 1.0) / 2.0 * words as f32) as u32).min(words as u32 - 1)).collect();
        let x = [0, 1].map(|i| values(rows * d[i], seed ^ (4 + i as u64)).iter().map(|x| x * spread).collect());
        let w = [0, 1].map(|i| values(words * d[i], seed ^ (8 + i as u64)));
        Case { words, d, x, w, targets, to }
    }

    fn run(&self, isa: Isa, precision: Precision, rows: Range<usize>, dw_before: &[f32]) -> Found {
        let (d, n) = (self.d[0], rows.len());
        let matrix = |i: usize| Rows::new(&self.w[i], self.words, self.d[i]);
        let part = |i: usize| Rows::new(&self.x[i][rows.start * self.d[i]..rows.end * self.d[i]], n, self.d[i]);
        let [w, taught] = [0, 1].map(|i| PackedB::from_transposed(isa, matrix(i), precision));
        let w_rows = PackedB::from_rows(isa, matrix(0), precision);
        let [mut loss, mut nll, mut divergence] = [(); 3].map(|()| vec![f32::NAN; n]);
        // Rows of dx may lie apart.
        let (gap, mut room) = (3, vec![f32::NAN; n * (d + 3)]);
        let mut dw = dw_before.to_vec();
        projection_distil_loss_backward(
            isa,
            part(0),
            &w,
            &w_rows,
            TeacherRows { x: part(1), w: &taught },
            &self.targets[rows.clone()],
            self.to,
            ComparedLosses { loss: &mut loss, nll: &mut nll, divergence: &mut divergence },
            RowsMut::strided(&mut room, n, d, d + gap),
            &mut dw,
            &mut LossScratch::default(),
        );
        let dx = room.chunks(d + gap).flat_map(|row| row[..d].to_vec()).collect();
        Found { loss, nll, divergence, dx, dw }
    }

    fn rows(&self) -> usize {
        self.targets.len()
    }

    /// Holds what was found to the oracle. Each d(loss) / d(logit) may besides be off by `slack` of itself, as rounded operands are.
    fn check(&self, what: &str, found: &Found, dw_before: &[f32], slack: f64) {
        let Case { words, d, x, w, targets, to } = self;
        let (words, t) = (*words, f64::from(to.temperature));
        let logits = [0, 1].map(|i| linear(&wide(&x[i]), &wide(&w[i]), None, d[i]));
        let both = [&logits[0][..], &logits[1]];
        let want = distilled_losses(both, words, targets, to.smoothing, to.temperature);
        let dlogits: Vec<f64> = distilled_losses_backward(both, words, targets, to.smoothing, to.share, to.temperature)
            .iter()
            .map(|d| d * f64::from(to.scale))
            .collect();

        // A logit is off by d roundings of the sum of its terms' magnitudes; `reach` is the largest such sum of a row of either. Losses
        // and log p are off by twice that, d_j by four times, a probability by twice, relatively; softened ones by a T-th of it.
        let terms = [0, 1].map(|i| linear(&magnitudes(&x[i]), &magnitudes(&w[i]), None, d[i]));
        let row = |of: &[f64], r: usize| of[r * words..][..words].to_vec();
        let most = |r: usize| terms.iter().flat_map(|t| row(t, r)).fold(1.0f64, f64::max);
        let reach: Vec<f64> = (0..self.rows()).map(most).collect();
        let soft: Vec<f64> = reach.iter().map(|r| (r / t).max(1.0)).collect();
        let roundings = 2 * (d[0].max(d[1]) + words) + 16;
        let loss_scale: Vec<f64> = reach.iter().map(|r| 2.0 * r + (words as f64).ln()).collect();
        assert_within(&format!("{what} loss"), &found.loss, &want.smoothed, &loss_scale, roundings);
        assert_within(&format!("{what} nll"), &found.nll, &want.nll, &loss_scale, roundings);

        let softened = |of: &[f64]| log_softmax_rows(&of.iter().map(|x| x / t).collect::<Vec<f64>>(), words);
        let (plain, [log_p, log_q]) = (log_softmax_rows(&logits[0], words), both.map(softened));
        let (own, part) = (f64::from(to.scale * (1.0 - to.share)), f64::from(to.scale * to.share) * t);
        let unit = f64::from(f32::EPSILON) / 2.0 * roundings as f64;
        let (mut divergence_scale, mut scales) = (Vec::new(), Vec::new());
        for r in 0..self.rows() {
            let (p, q) = (row(&log_p, r), row(&log_q, r));
            let apart: f64 = (0..words).map(|j| q[j].exp() * (q[j] - p[j]).abs()).sum();
            divergence_scale.push(apart * 2.0 * soft[r] + 4.0 * soft[r]);
            for j in 0..words {
                let hit = if targets[r] as usize == j { own } else { 0.0 };
                let smooth =
                    own * (2.0 * reach[r] * plain[r * words + j].exp() + f64::from(to.smoothing) / words as f64);
                let agree = part * 2.0 * soft[r] * (p[j].exp() + q[j].exp());
                scales.push(smooth + hit + agree + slack / unit * dlogits[r * words + j].abs());
            }
        }
        assert_within(&format!("{what} divergence"), &found.divergence, &want.divergence, &divergence_scale, roundings);
        let (dx, mut dw, _) = linear_backward(&wide(&x[0]), &wide(&w[0]), &dlogits, d[0]);
        let (dx_scale, mut dw_scale, _) = linear_backward(&magnitudes(&x[0]), &magnitudes(&w[0]), &scales, d[0]);
        dw.iter_mut().zip(dw_before).for_each(|(a, b)| *a += f64::from(*b));
        dw_scale.iter_mut().zip(magnitudes(dw_before)).for_each(|(a, b)| *a += b);
        assert_within(&format!("{what} dx"), &found.dx, &dx, &dx_scale, roundings + words);
        assert_within(&format!("{what} dw"), &found.dw, &dw, &dw_scale, roundings + 2 * self.rows());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Rows also beyond a tile's 64; a teacher narrower and wider than its student.
    #[test]
    fn losses_and_gradients_are_the_oracles(
        rows in prop_oneof![0usize..12, 62usize..67, Just(131)],
        words in 1usize..120,
        d in (1usize..40, 1usize..40),
        spread in 0.1f32..4.0,
        smoothing in prop_oneof![Just(0.0f32), Just(0.1), 0.0f32..0.9],
        share in prop_oneof![Just(0.0f32), Just(0.5), Just(1.0), 0.0f32..1.0],
        temperature in prop_oneof![Just(1.0f32), Just(2.0), 0.5f32..4.0],
        scale in 1e-3f32..2.0,
        seed: u64,
    ) {
        let to = Distillation { smoothing, share, temperature, scale };
        let case = Case::new([rows, words], d.into(), spread, to, seed);
        let dw_before = values(words * d.0, seed ^ 3);
        for isa in Isa::available() {
            let all = case.run(isa, Precision::F32, 0..rows, &dw_before);
            case.check(&format!("{isa:?}"), &all, &dw_before, 0.0);
            // A row's bits do not depend on those beside it.
            let part = rows / 2..rows;
            let alone = case.run(isa, Precision::F32, part.clone(), &dw_before);
            prop_assert_eq!(&alone.loss, &all.loss[part.clone()]);
            prop_assert_eq!(&alone.divergence, &all.divergence[part.clone()]);
            prop_assert_eq!(&alone.dx, &all.dx[part.start * d.0..]);
        }
    }

    /// On operands that bf16 holds; gradients of logits are rounded, to 8 bits, for the products that follow.
    #[test]
    fn rounded_operands_lose_what_rounding_takes(rows in 1usize..70, words in 1usize..90, d in 1usize..40, seed: u64) {
        let to = Distillation { smoothing: 0.1, share: 0.5, temperature: 2.0, scale: 1.0 };
        let mut case = Case::new([rows, words], [d, 2 * d], 1.0, to, seed);
        for values in case.x.iter_mut().chain(&mut case.w) {
            values.iter_mut().for_each(|x| *x = round_to_bf16(*x));
        }
        let zeros = vec![0.0; words * d];
        for isa in Isa::available() {
            let found = case.run(isa, Precision::Bf16, 0..rows, &zeros);
            case.check(&format!("{isa:?} bf16"), &found, &zeros, 1.0 / 256.0);
        }
    }
}

/// A teacher that is the student has nothing to teach, at any temperature; without a share the loss is the plain one.
#[test]
fn what_is_taught_vanishes_where_both_agree() {
    let (rows, words, d) = (70, 50, 16);
    for temperature in [1.0, 3.0] {
        let to = Distillation { smoothing: 0.1, share: 1.0, temperature, scale: 1.0 };
        let mut case = Case::new([rows, words], [d, d], 1.0, to, 3);
        (case.x[1], case.w[1]) = (case.x[0].clone(), case.w[0].clone());
        for isa in Isa::available() {
            let zeros = vec![0.0; words * d];
            let found = case.run(isa, Precision::F32, 0..rows, &zeros);
            assert!(found.divergence.iter().chain(&found.dx).chain(&found.dw).all(|&x| x == 0.0), "{isa:?}");

            case.to.share = 0.0;
            let found = case.run(isa, Precision::F32, 0..rows, &zeros);
            case.to.share = 1.0;
            let matrix = Rows::new(&case.w[0], words, d);
            let w = PackedB::from_transposed(isa, matrix, Precision::F32);
            let w_rows = PackedB::from_rows(isa, matrix, Precision::F32);
            let (mut loss, mut nll, mut dx, mut dw) = (vec![0.0; rows], vec![0.0; rows], vec![0.0; rows * d], zeros);
            let (x, dx_rows) = (Rows::new(&case.x[0], rows, d), RowsMut::new(&mut dx, rows, d));
            let (targets, scratch) = (&case.targets, &mut LossScratch::default());
            projection_loss_backward(
                isa, x, &w, &w_rows, targets, 0.1, 1.0, &mut loss, &mut nll, dx_rows, &mut dw, scratch,
            );
            assert_eq!((&found.loss, &found.nll), (&loss, &nll));
            let most = dx.iter().fold(0.0f32, |m, x| m.max(x.abs()));
            let bound = (words + d) as f32 * 4.0 * f32::EPSILON * most;
            assert!(found.dx.iter().zip(&dx).all(|(a, b)| (a - b).abs() <= bound), "{isa:?}");
        }
    }
}

/// Logits of 1,000 and more, and apart by as much, neither overflow nor make a NaN.
#[test]
fn large_logits_have_finite_losses() {
    for temperature in [1.0, 0.5] {
        let to = Distillation { smoothing: 0.1, share: 0.5, temperature, scale: 1.0 };
        let case = Case::new([5, 33], [16, 8], 1000.0, to, 1);
        for isa in Isa::available() {
            let Found { loss, nll, divergence, dx, dw } = case.run(isa, Precision::F32, 0..5, &vec![0.0; 33 * 16]);
            assert!([loss, nll, divergence, dx, dw].concat().iter().all(|x| x.is_finite()), "{isa:?}");
        }
    }
}
