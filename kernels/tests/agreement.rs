//! The fused loss of pairs of rows, on every tier: against projection and loss one after the other in f64.

mod common;

use common::{assert_within, magnitudes, values, wide};
use lsra_kernels::agreement::{Agreement, projection_pair_loss_backward};
use lsra_kernels::cross_entropy::{ComparedLosses, LossScratch, projection_loss_backward};
use lsra_kernels::gemm::{PackedB, Precision};
use lsra_kernels::reference::bf16::round_to_bf16;
use lsra_kernels::reference::cross_entropy::{pair_losses, pair_losses_backward};
use lsra_kernels::reference::linear::{linear, linear_backward};
use lsra_kernels::{Isa, Rows, RowsMut};
use proptest::prelude::*;
use std::ops::Range;

struct Case {
    words: usize,
    d: usize,
    x: [Vec<f32>; 2],
    w: Vec<f32>,
    targets: Vec<u32>,
    to: Agreement,
}

#[derive(Debug, PartialEq)]
struct Found {
    loss: Vec<f32>,
    nll: Vec<f32>,
    divergence: Vec<f32>,
    dx: [Vec<f32>; 2],
    dw: Vec<f32>,
}

impl Case {
    /// The second pass's rows are the first's, moved by `apart`.
    fn new([rows, words, d]: [usize; 3], [spread, apart]: [f32; 2], to: Agreement, seed: u64) -> Case {
        let first: Vec<f32> = values(rows * d, seed).iter().map(|x| x * spread).collect();
        let second = first.iter().zip(values(rows * d, seed ^ 4)).map(|(x, y)| x + apart * y).collect();
        let place = values(rows, seed ^ 2);
        let targets = place.iter().map(|x| (((x + 1.0) / 2.0 * words as f32) as u32).min(words as u32 - 1)).collect();
        Case { words, d, x: [first, second], w: values(words * d, seed ^ 1), targets, to }
    }

    fn run(&self, isa: Isa, precision: Precision, rows: Range<usize>, dw_before: &[f32]) -> Found {
        let (d, n) = (self.d, rows.len());
        let matrix = Rows::new(&self.w, self.words, d);
        let (w, w_rows) =
            (PackedB::from_transposed(isa, matrix, precision), PackedB::from_rows(isa, matrix, precision));
        let [mut loss, mut nll, mut divergence] = [(); 3].map(|()| vec![f32::NAN; n]);
        // Rows of dx may lie apart.
        let (gap, mut room) = (3, [(); 2].map(|()| vec![f32::NAN; n * (d + 3)]));
        let mut dw = dw_before.to_vec();
        projection_pair_loss_backward(
            isa,
            [&self.x[0], &self.x[1]].map(|x| Rows::new(&x[rows.start * d..rows.end * d], n, d)),
            &w,
            &w_rows,
            &self.targets[rows],
            self.to,
            ComparedLosses { loss: &mut loss, nll: &mut nll, divergence: &mut divergence },
            room.each_mut().map(|room| RowsMut::strided(room, n, d, d + gap)),
            &mut dw,
            &mut LossScratch::default(),
        );
        let dx = room.map(|room| room.chunks(d + gap).flat_map(|row| row[..d].to_vec()).collect());
        Found { loss, nll, divergence, dx, dw }
    }

    fn rows(&self) -> usize {
        self.targets.len()
    }

    /// Holds what was found to the oracle. Each d(loss) / d(logit) may besides be off by `slack` of itself, as rounded operands are.
    fn check(&self, what: &str, found: &Found, dw_before: &[f32], slack: f64) {
        let Case { words, d, x, w, targets, to } = self;
        let (words, d, w_wide, w_magnitudes) = (*words, *d, wide(w), magnitudes(w));
        let logits = [&x[0], &x[1]].map(|x| linear(&wide(x), &w_wide, None, d));
        let both = [&logits[0][..], &logits[1]];
        let want = pair_losses(both, words, targets, to.smoothing);
        let scaled = |v: Vec<f64>| -> Vec<f64> { v.iter().map(|d| d * f64::from(to.scale)).collect() };
        let dlogits = pair_losses_backward(both, words, targets, to.smoothing, to.alpha).map(scaled);

        // A logit is off by d roundings of the sum of its terms' magnitudes; `reach` is the largest such sum of a pair of rows. Losses
        // and log p are off by twice that, d_j by four times, a probability by twice, relatively.
        let terms = [&x[0], &x[1]].map(|x| linear(&magnitudes(x), &w_magnitudes, None, d));
        let row = |of: &[f64], r: usize| of[r * words..][..words].to_vec();
        let most = |r: usize| terms.iter().flat_map(|t| row(t, r)).fold(1.0f64, f64::max);
        let reach: Vec<f64> = (0..self.rows()).map(most).collect();
        let roundings = 2 * (d + words) + 16;
        let loss_scale: Vec<f64> = reach.iter().map(|r| 2.0 * r + (words as f64).ln()).collect();
        assert_within(&format!("{what} loss"), &found.loss, &want.smoothed, &loss_scale, roundings);
        assert_within(&format!("{what} nll"), &found.nll, &want.nll, &loss_scale, roundings);

        let softmax = |r: usize, of: usize| {
            let logits = row(&logits[of], r);
            let top = logits.iter().fold(f64::NEG_INFINITY, |m, x| m.max(*x));
            let sum: f64 = logits.iter().map(|x| (x - top).exp()).sum();
            logits.iter().map(|x| x - top - sum.ln()).collect::<Vec<f64>>()
        };
        let mut divergence_scale = Vec::new();
        let mut scales = [Vec::new(), Vec::new()];
        let (half, part) = (0.5 * f64::from(to.scale), 0.25 * f64::from(to.alpha * to.scale));
        for r in 0..self.rows() {
            let log = [softmax(r, 0), softmax(r, 1)];
            let sums = [(0, 1), (1, 0)].map(|(p, q): (usize, usize)| {
                (0..words).map(|j| log[p][j].exp() * (log[p][j] - log[q][j]).abs()).sum::<f64>()
            });
            divergence_scale.push(sums.iter().map(|s| s * 2.0 * reach[r] + 4.0 * reach[r]).sum::<f64>());
            for (p, q) in [(0, 1), (1, 0)] {
                for j in 0..words {
                    let (apart, hit) =
                        ((log[p][j] - log[q][j]).abs(), if targets[r] as usize == j { half } else { 0.0 });
                    let (p_j, q_j) = (log[p][j].exp(), log[q][j].exp());
                    let smooth = half * (2.0 * reach[r] * p_j + f64::from(to.smoothing) / words as f64) + hit;
                    let own = p_j * (2.0 * reach[r] * (apart + 2.0 * sums[p] + 1.0) + 8.0 * reach[r]);
                    let agree = part * (own + 2.0 * reach[r] * q_j);
                    let unit = f64::from(f32::EPSILON) / 2.0 * roundings as f64;
                    scales[p].push(smooth + agree + slack / unit * dlogits[p][r * words + j].abs());
                }
            }
        }
        assert_within(&format!("{what} divergence"), &found.divergence, &want.divergence, &divergence_scale, roundings);
        let (mut dw, mut dw_scale) = (wide(dw_before), magnitudes(dw_before));
        for i in 0..2 {
            let (dx, dw_part, _) = linear_backward(&wide(&x[i]), &w_wide, &dlogits[i], d);
            let (dx_scale, dw_scale_part, _) = linear_backward(&magnitudes(&x[i]), &w_magnitudes, &scales[i], d);
            assert_within(&format!("{what} dx {i}"), &found.dx[i], &dx, &dx_scale, roundings + words);
            dw.iter_mut().zip(dw_part).for_each(|(a, b)| *a += b);
            dw_scale.iter_mut().zip(dw_scale_part).for_each(|(a, b)| *a += b);
        }
        assert_within(&format!("{what} dw"), &found.dw, &dw, &dw_scale, roundings + 2 * self.rows());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Pairs also beyond a tile's 64.
    #[test]
    fn losses_and_gradients_are_the_oracles(
        rows in prop_oneof![0usize..12, 62usize..67, Just(131)],
        words in 1usize..120,
        d in 1usize..40,
        spread in 0.1f32..4.0,
        apart in prop_oneof![Just(0.0f32), 0.01f32..2.0],
        smoothing in prop_oneof![Just(0.0f32), Just(0.1), 0.0f32..0.9],
        alpha in prop_oneof![Just(0.0f32), Just(5.0), 0.0f32..10.0],
        scale in 1e-3f32..2.0,
        seed: u64,
    ) {
        let case = Case::new([rows, words, d], [spread, apart], Agreement { smoothing, alpha, scale }, seed);
        let dw_before = values(words * d, seed ^ 3);
        for isa in Isa::available() {
            let all = case.run(isa, Precision::F32, 0..rows, &dw_before);
            case.check(&format!("{isa:?}"), &all, &dw_before, 0.0);
            // A pair's bits do not depend on those beside it.
            let part = rows / 2..rows;
            let alone = case.run(isa, Precision::F32, part.clone(), &dw_before);
            prop_assert_eq!(&alone.loss, &all.loss[part.clone()]);
            prop_assert_eq!(&alone.divergence, &all.divergence[part.clone()]);
            for i in 0..2 {
                prop_assert_eq!(&alone.dx[i], &all.dx[i][part.start * d..]);
            }
        }
    }

    /// On operands that bf16 holds; gradients of logits are rounded, to 8 bits, for the products that follow.
    #[test]
    fn rounded_operands_lose_what_rounding_takes(rows in 1usize..70, words in 1usize..90, d in 1usize..40, seed: u64) {
        let to = Agreement { smoothing: 0.1, alpha: 5.0, scale: 1.0 };
        let mut case = Case::new([rows, words, d], [1.0, 0.5], to, seed);
        let [first, second] = &mut case.x;
        for values in [first, second, &mut case.w] {
            values.iter_mut().for_each(|x| *x = round_to_bf16(*x));
        }
        let zeros = vec![0.0; words * d];
        for isa in Isa::available() {
            let found = case.run(isa, Precision::Bf16, 0..rows, &zeros);
            case.check(&format!("{isa:?} bf16"), &found, &zeros, 1.0 / 256.0);
        }
    }
}

/// Twice the same row: no divergence, and losses and gradients of the plain loss.
#[test]
fn rows_that_agree_have_the_plain_loss() {
    let (rows, words, d) = (70, 50, 16);
    let case = Case::new([rows, words, d], [1.0, 0.0], Agreement { smoothing: 0.1, alpha: 5.0, scale: 1.0 }, 3);
    for isa in Isa::available() {
        let found = case.run(isa, Precision::F32, 0..rows, &vec![0.0; words * d]);
        let matrix = Rows::new(&case.w, words, d);
        let w = PackedB::from_transposed(isa, matrix, Precision::F32);
        let w_rows = PackedB::from_rows(isa, matrix, Precision::F32);
        let (mut loss, mut nll, mut dx) = (vec![0.0; rows], vec![0.0; rows], vec![0.0; rows * d]);
        let (mut dw, x, dx_rows) =
            (vec![0.0; words * d], Rows::new(&case.x[0], rows, d), RowsMut::new(&mut dx, rows, d));
        let (targets, scratch) = (&case.targets, &mut LossScratch::default());
        projection_loss_backward(
            isa, x, &w, &w_rows, targets, 0.1, 1.0, &mut loss, &mut nll, dx_rows, &mut dw, scratch,
        );
        assert_eq!((&found.loss, &found.nll), (&loss, &nll));
        assert!(found.divergence.iter().all(|&d| d == 0.0));
        assert_eq!(found.dx[0], found.dx[1], "both passes have one gradient");
        // Of each pass half the plain one; dw is the sum of both halves.
        let near = |got: &[f32], want: &[f32], factor: f32, terms: usize| {
            let most = want.iter().fold(0.0f32, |m, x| m.max(x.abs()));
            let bound = (terms * 4) as f32 * f32::EPSILON * most;
            assert!(got.iter().zip(want).all(|(g, w)| (g - factor * w).abs() <= bound), "{isa:?}");
        };
        near(&found.dx[0], &dx, 0.5, words + d);
        near(&found.dw, &dw, 1.0, rows + d);
    }
}

/// Logits of 1,000 and more, and apart by as much, neither overflow nor make a NaN.
#[test]
fn large_logits_have_finite_losses() {
    let case = Case::new([5, 33, 16], [1000.0, 1000.0], Agreement { smoothing: 0.1, alpha: 5.0, scale: 1.0 }, 1);
    for isa in Isa::available() {
        let Found { loss, nll, divergence, dx: [first, second], dw } =
            case.run(isa, Precision::F32, 0..5, &vec![0.0; 33 * 16]);
        assert!([loss, nll, divergence, first, second, dw].concat().iter().all(|x| x.is_finite()), "{isa:?}");
    }
}
