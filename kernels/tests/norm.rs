//! Layer norm with the sum and the dropout before it, on every tier: against the oracle, and rows against themselves alone.

mod common;

use common::{assert_within, values, wide};
use lsra_kernels::dropout::{DropoutKey, dropout};
use lsra_kernels::norm::{SumDropout, add_dropout, add_norm, norm, norm_backward};
use lsra_kernels::reference::dropout::mask;
use lsra_kernels::reference::norm as oracle;
use lsra_kernels::{Isa, Rows, RowsMut};
use proptest::prelude::*;

const EPS: f32 = 1e-5;

struct Normed {
    sum: Vec<f32>,
    y: Vec<f32>,
    stats: Vec<f32>,
}

fn run(isa: Isa, x: Rows<'_>, sum: Option<(Rows<'_>, Option<SumDropout<'_>>)>, affine: [&[f32]; 2]) -> Normed {
    let (rows, n) = (x.rows, x.cols);
    let [gamma, beta] = affine;
    let mut apart = x.data.to_vec();
    let (mut y, mut stats) = (vec![f32::NAN; rows * n], vec![f32::NAN; 2 * rows]);
    let to_y = RowsMut::new(&mut y, rows, n);
    match sum {
        Some((residual, dropout)) => {
            let to_sum = RowsMut::strided(&mut apart, rows, n, x.stride);
            add_norm(isa, residual, dropout, gamma, beta, EPS, to_sum, to_y, &mut stats);
        }
        None => norm(isa, x, gamma, beta, EPS, to_y, &mut stats),
    }
    Normed { sum: without_gaps(&apart, x), y, stats }
}

/// The rows of `data`, which lie as those of x do, without what is between them. Panics unless that is as it was.
fn without_gaps(data: &[f32], x: Rows<'_>) -> Vec<f32> {
    let mut together = Vec::new();
    for (now, was) in data.chunks(x.stride.max(1)).zip(x.data.chunks(x.stride.max(1))).take(x.rows) {
        together.extend(&now[..x.cols]);
        assert_eq!(now[x.cols..], was[x.cols..], "between the rows");
    }
    together
}

/// Of each row: mean, 1 / sqrt(variance + eps), and the largest magnitude, which bounds how far the computed mean is off.
fn statistics(x: &[f64], n: usize) -> Vec<[f64; 3]> {
    let of = |row: &[f64]| {
        let mean = row.iter().sum::<f64>() / n as f64;
        let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        let largest = row.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        [mean, 1.0 / (variance + f64::from(EPS)).sqrt(), largest]
    };
    x.chunks(n).map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sums_and_norms_are_the_oracles(
        lengths in prop::collection::vec(0usize..6, 1..4),
        n in 1usize..180,
        gap in 0usize..4,
        has_residual: bool,
        rate in prop_oneof![Just(None), (0.0f32..0.9).prop_map(Some)],
        centre in prop_oneof![Just(0.0f32), -100.0f32..100.0],
        seed: u64,
    ) {
        // Only of sums is something dropped.
        let p = rate.filter(|_| has_residual);
        let offsets = common::offsets(&lengths);
        let (rows, stride) = (offsets[lengths.len()], n + gap);
        let x: Vec<f32> = values(rows * stride, seed).iter().map(|x| x + centre).collect();
        let (residual, gamma, beta) = (values(rows * n, seed ^ 1), values(n, seed ^ 2), values(n, seed ^ 3));
        let keys: Vec<DropoutKey> = (0..lengths.len()).map(|s| DropoutKey::new(seed, 1, 2, s as u64)).collect();
        let mut want_sum = Vec::new();
        for (key, range) in keys.iter().zip(offsets.windows(2)) {
            for (i, t) in (range[0]..range[1]).enumerate() {
                for c in 0..n {
                    let kept = p.map_or(1.0, |p| mask::<f32>(*key, p, (i * n + c) as u64));
                    want_sum.push(x[t * stride + c] * kept + if has_residual { residual[t * n + c] } else { 0.0 });
                }
            }
        }
        let from = Rows::strided(&x, rows, n, stride);
        let dropout: Option<SumDropout<'_>> = p.map(|p| (p, &keys[..], &offsets[..]));
        let sum = has_residual.then(|| (Rows::new(&residual, rows, n), dropout));
        let want = oracle::norm(&wide(&want_sum), &wide(&gamma), &wide(&beta), EPS);
        let stats = statistics(&wide(&want_sum), n);
        // The mean is off by n roundings of the largest value, which the factor magnifies; the variance by n relative roundings.
        let scale: Vec<f64> = (0..rows * n).map(|i| {
            let [mean, factor, largest] = stats[i / n];
            let normed = (f64::from(want_sum[i]) - mean).abs() * factor;
            (normed + largest * factor) * f64::from(gamma[i % n]).abs() + f64::from(beta[i % n]).abs()
        }).collect();
        for isa in Isa::available() {
            let got = run(isa, from, sum, [&gamma, &beta]);
            prop_assert_eq!(&got.sum, &want_sum);
            assert_within(&format!("{isa:?} norm of {n}"), &got.y, &want, &scale, n + 8);
            for (t, [mean, factor, largest]) in stats.iter().enumerate() {
                assert_within("mean", &got.stats[2 * t..][..1], &[*mean], &[*largest], n + 2);
                let shift = largest * largest * factor * factor;
                assert_within("factor", &got.stats[2 * t + 1..][..1], &[*factor], &[*factor * (1.0 + shift)], n + 8);
            }
            if let Some((residual, dropout)) = sum {
                let mut apart = x.clone();
                add_dropout(isa, residual, dropout, RowsMut::strided(&mut apart, rows, n, stride));
                prop_assert_eq!(&without_gaps(&apart, from), &want_sum);
            }
        }
    }

    #[test]
    fn gradients_are_the_oracles(rows in 0usize..40, n in 1usize..180, centre in -10.0f32..10.0, seed: u64) {
        let x: Vec<f32> = values(rows * n, seed).iter().map(|x| x + centre).collect();
        let (gamma, dy) = (values(n, seed ^ 1), values(rows * n, seed ^ 2));
        let before = [values(n, seed ^ 3), values(n, seed ^ 4)];
        let (dx, dgamma, dbeta) = oracle::norm_backward(&wide(&x), &wide(&gamma), EPS, &wide(&dy));
        let plus = |a: &[f64], b: &[f32]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a + f64::from(*b)).collect() };
        // As above: |normed| and what the mean's error makes of it.
        let stats = statistics(&wide(&x), n);
        let normed = |i: usize| {
            let [mean, factor, largest] = stats[i / n];
            ((f64::from(x[i]) - mean).abs() + largest) * factor
        };
        let (mut dx_scale, mut dgamma_scale, mut dbeta_scale) = (Vec::new(), vec![0.0; n], vec![0.0; n]);
        for t in 0..rows {
            let d: Vec<f64> = (0..n).map(|c| f64::from(dy[t * n + c] * gamma[c]).abs()).collect();
            let mean_d = d.iter().sum::<f64>() / n as f64;
            let mean_dn = (0..n).map(|c| d[c] * normed(t * n + c)).sum::<f64>() / n as f64;
            for c in 0..n {
                dx_scale.push(stats[t][1] * (d[c] + mean_d + normed(t * n + c) * mean_dn));
                dgamma_scale[c] += f64::from(dy[t * n + c]).abs() * normed(t * n + c);
                dbeta_scale[c] += f64::from(dy[t * n + c]).abs();
            }
        }
        dgamma_scale.iter_mut().zip(&before[0]).for_each(|(s, b)| *s += f64::from(b.abs()));
        dbeta_scale.iter_mut().zip(&before[1]).for_each(|(s, b)| *s += f64::from(b.abs()));
        for isa in Isa::available() {
            let Normed { stats, .. } = run(isa, Rows::new(&x, rows, n), None, [&gamma, &vec![0.0; n]]);
            let (mut got, [mut got_gamma, mut got_beta]) = (dy.clone(), before.clone());
            let (x, to) = (Rows::new(&x, rows, n), RowsMut::new(&mut got, rows, n));
            norm_backward(isa, x, &stats, &gamma, to, None, &mut got_gamma, &mut got_beta);
            assert_within(&format!("{isa:?} dx"), &got, &dx, &dx_scale, 3 * n + 16);
            let roundings = rows + n + 10;
            assert_within(&format!("{isa:?} dgamma"), &got_gamma, &plus(&dgamma, &before[0]), &dgamma_scale, roundings);
            assert_within(&format!("{isa:?} dbeta"), &got_beta, &plus(&dbeta, &before[1]), &dbeta_scale, rows + 2);

            // Of what was dropped before the sum, the same under its mask.
            let (keys, offsets) = ([5, 6].map(|s| DropoutKey::new(seed, 1, 2, s)), [0, rows / 3, rows]);
            let (mut same, mut masked, mut want) = (dy.clone(), vec![f32::NAN; rows * n], got.clone());
            let [mut gamma_again, mut beta_again] = before.clone();
            let to = RowsMut::new(&mut same, rows, n);
            let under = Some(((0.3, &keys[..], &offsets[..]), RowsMut::new(&mut masked, rows, n)));
            norm_backward(isa, x, &stats, &gamma, to, under, &mut gamma_again, &mut beta_again);
            dropout(isa, 0.3, &keys, &offsets, RowsMut::new(&mut want, rows, n));
            prop_assert_eq!((same, masked), (got, want), "{:?}", isa);
            prop_assert_eq!((gamma_again, beta_again), (got_gamma, got_beta), "{:?}", isa);
        }
    }

    #[test]
    fn a_rows_bits_do_not_depend_on_the_others(rows in 1usize..12, n in 1usize..180, seed: u64) {
        let (x, gamma, beta) = (values(rows * n, seed), values(n, seed ^ 1), values(n, seed ^ 2));
        for isa in Isa::available() {
            let all = run(isa, Rows::new(&x, rows, n), None, [&gamma, &beta]);
            for r in 0..rows {
                let one = run(isa, Rows::new(&x[r * n..][..n], 1, n), None, [&gamma, &beta]);
                prop_assert_eq!(&one.y, &all.y[r * n..][..n]);
            }
        }
    }
}

#[test]
fn a_row_of_one_value_over_and_over_is_beta() {
    for isa in Isa::available() {
        let got = run(isa, Rows::new(&[3.0; 64], 1, 64), None, [&[2.0; 64], &[0.5; 64]]);
        assert_eq!(got.y, [0.5; 64], "{isa:?}");
    }
}
