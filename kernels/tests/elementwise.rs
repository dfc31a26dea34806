//! What works value by value or row by row: gates, ReLU, embeddings, positions, sums. On every tier.

mod common;

use common::{assert_within, magnitudes, values, wide};
use lsra_kernels::activation::relu_backward;
use lsra_kernels::elementwise::{add_assign, add_rows, move_towards, multiply_assign, scale, sum_squares};
use lsra_kernels::embedding::{embed, embed_backward, sinusoids};
use lsra_kernels::glu::{glu, glu_backward};
use lsra_kernels::reference::{activation, embedding};
use lsra_kernels::{Isa, Rows, RowsMut};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn gates_are_the_oracles(rows in 0usize..6, n in 1usize..100, gap in 0usize..4, spread in 0.1f32..100.0, seed: u64) {
        let stride = 2 * n + gap;
        let room: Vec<f32> = values(rows * stride, seed).iter().map(|x| x * spread).collect();
        let x: Vec<f32> = room.chunks(stride).flat_map(|row| row[..2 * n].to_vec()).collect();
        let dy = values(rows * n, seed ^ 1);
        let want = activation::glu(&wide(&x), n);
        let want_dx = activation::glu_backward(&wide(&x), &wide(&dy), n);
        // Everything is a product with the gate, which is off by a few roundings and 0 where it would be subnormal.
        let at = |i: usize| {
            let (t, c) = (i / (2 * n), i % n);
            let (a, b) = (f64::from(x[t * 2 * n + c]), f64::from(x[t * 2 * n + n + c]));
            (a.abs(), 1.0 / (1.0 + (-b).exp()) + f64::from(f32::MIN_POSITIVE / f32::EPSILON), f64::from(dy[t * n + c]).abs())
        };
        let scale: Vec<f64> = (0..rows * n).map(|i| at(i / n * 2 * n + i % n)).map(|(a, gate, _)| a * gate).collect();
        let dx_scale: Vec<f64> = (0..rows * 2 * n).map(|i| {
            let (a, gate, d) = at(i);
            if i % (2 * n) < n { d * gate } else { d * a * gate }
        }).collect();
        for isa in Isa::available() {
            let x = Rows::strided(&room, rows, 2 * n, stride);
            let mut y = vec![f32::NAN; rows * n];
            glu(isa, x, RowsMut::new(&mut y, rows, n));
            assert_within(&format!("{isa:?} glu"), &y, &want, &scale, 10);
            let mut dx = vec![f32::NAN; rows * 2 * n];
            glu_backward(isa, x, Rows::new(&dy, rows, n), RowsMut::new(&mut dx, rows, 2 * n));
            assert_within(&format!("{isa:?} glu backward"), &dx, &want_dx, &dx_scale, 16);
            for r in 0..rows {
                let mut one = vec![f32::NAN; n];
                glu(isa, Rows::new(&room[r * stride..][..2 * n], 1, 2 * n), RowsMut::new(&mut one, 1, n));
                prop_assert_eq!(&one, &y[r * n..][..n]);
            }
        }
    }

    #[test]
    fn relus_gradient_is_the_oracles(n in 0usize..200, seed: u64) {
        let (y, dy) = (activation::relu(&values(n, seed)), values(n, seed ^ 1));
        let want = activation::relu_backward(&y, &dy);
        for isa in Isa::available() {
            let mut dx = dy.clone();
            relu_backward(isa, &y, &mut dx);
            prop_assert_eq!(&dx, &want);
        }
    }

    #[test]
    fn embeddings_are_the_oracles(
        words in 1usize..20,
        n in 1usize..100,
        gap in 0usize..4,
        ids in prop::collection::vec(any::<u32>(), 0..30),
        factor in 0.1f32..20.0,
        seed: u64,
    ) {
        let ids: Vec<u32> = ids.iter().map(|id| id % words as u32).collect();
        let position_of: Vec<u32> = (0..ids.len() as u32).map(|i| i % 7).collect();
        let (table, positions) = (values(words * n, seed), values(7 * n, seed ^ 1));
        let want = embedding::embed(&wide(&table), &ids, factor, &wide(&positions), &position_of, n);
        let scale = embedding::embed(&magnitudes(&table), &ids, factor, &magnitudes(&positions), &position_of, n);
        let (rows, stride) = (ids.len(), n + gap);
        let (dy, before) = (values(rows * n, seed ^ 2), values(words * n, seed ^ 3));
        let plus = |a: Vec<f64>, b: Vec<f64>| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a + b).collect() };
        let want_d = plus(embedding::embed_backward(words, &ids, factor, &wide(&dy), n), wide(&before));
        let scale_d = plus(embedding::embed_backward(words, &ids, factor, &magnitudes(&dy), n), magnitudes(&before));
        for isa in Isa::available() {
            let mut room = vec![f32::NAN; rows * stride];
            embed(isa, &table, &ids, factor, &positions, &position_of, RowsMut::strided(&mut room, rows, n, stride));
            let y: Vec<f32> = room.chunks(stride).flat_map(|row| row[..n].to_vec()).collect();
            assert_within(&format!("{isa:?} embedding"), &y, &want, &scale, 3);
            let mut dtable = before.clone();
            embed_backward(isa, &ids, factor, Rows::new(&dy, rows, n), &mut dtable);
            assert_within(&format!("{isa:?} table's gradient"), &dtable, &want_d, &scale_d, 2 * rows + 2);
        }
    }

    /// One operation a value: the same as the processor's own, to the bit.
    #[test]
    fn sums_and_products_are_rounded_once(rows in 0usize..5, n in 1usize..100, gap in 0usize..4, factor: f32, seed: u64) {
        let stride = n + gap;
        let (x, y) = (values(rows * stride, seed), values(rows * stride, seed ^ 1));
        let both = |f: fn(f32, f32) -> f32| -> Vec<f32> { y.iter().zip(&x).map(|(y, x)| f(*y, *x)).collect() };
        let bits = |x: &[f32]| -> Vec<u32> { x.iter().map(|x| x.to_bits()).collect() };
        for isa in Isa::available() {
            let (mut sum, mut product, mut scaled, mut part) = (y.clone(), y.clone(), y.clone(), y.clone());
            add_assign(isa, &mut sum, &x);
            prop_assert_eq!(&sum, &both(|y, x| y + x));
            multiply_assign(isa, &mut product, &x);
            prop_assert_eq!(&product, &both(|y, x| y * x));
            scale(isa, &mut scaled, factor);
            prop_assert_eq!(bits(&scaled), bits(&y.iter().map(|y| y * factor).collect::<Vec<_>>()));
            add_rows(isa, RowsMut::strided(&mut part, rows, n, stride), Rows::strided(&x, rows, n, stride));
            for (i, part) in part.iter().enumerate() {
                prop_assert_eq!(*part, if i % stride < n { sum[i] } else { y[i] });
            }
        }
    }

    /// Exact but for rounding, and alike on every tier.
    #[test]
    fn a_mean_moves_towards_a_value(n in 0usize..200, share in 1e-6f32..1.0, seed: u64) {
        let (mean, x) = (values(n, seed), values(n, seed ^ 1));
        let want: Vec<f32> = mean.iter().zip(&x).map(|(m, x)| m + share * (x - m)).collect();
        let exact = |i: usize| f64::from(mean[i]) + f64::from(share) * (f64::from(x[i]) - f64::from(mean[i]));
        let scale: Vec<f64> = (0..n).map(|i| f64::from(mean[i].abs() + x[i].abs())).collect();
        for isa in Isa::available() {
            let mut moved = mean.clone();
            move_towards(isa, &mut moved, &x, share);
            prop_assert_eq!(&moved, &want);
            assert_within(&format!("{isa:?}"), &moved, &(0..n).map(exact).collect::<Vec<f64>>(), &scale, 4);
            let mut still = mean.clone();
            move_towards(isa, &mut still, &mean, share);
            prop_assert_eq!(&still, &mean);
        }
    }

    #[test]
    fn sums_of_squares_are_exact_but_for_the_last_bits_of_f64(n in 0usize..3000, spread in 1e-15f32..1e15, seed: u64) {
        let x: Vec<f32> = values(n, seed).iter().map(|x| x * spread).collect();
        let want: f64 = wide(&x).iter().map(|x| x * x).sum();
        prop_assert!((sum_squares(&x) - want).abs() <= 1e-12 * want, "{} instead of {want}", sum_squares(&x));
    }
}

/// Against the formula in f64. The frequency is rounded to f32, which position p magnifies p times; sine and cosine have slope 1.
#[test]
fn positions_are_sinusoids() {
    for channels in [2, 4, 7, 80, 160, 497] {
        let (rows, first) = (300, 2);
        let half = channels / 2;
        let table = sinusoids(rows, channels, first);
        for (i, &x) in table.iter().enumerate() {
            let (p, c) = ((first + i / channels) as f64, i % channels);
            let frequency = 10_000f64.powf(-((c % half.max(1)) as f64) / (half.max(2) - 1) as f64);
            let want = match c {
                c if c < half => (p * frequency).sin(),
                c if c < 2 * half => (p * frequency).cos(),
                _ => 0.0,
            };
            let bound = f64::from(f32::EPSILON) * (1.0 + 12.0 * p * frequency);
            assert!(
                (f64::from(x) - want).abs() <= bound,
                "{channels} channels: position {p}, channel {c}: {x}, not {want}"
            );
        }
    }
}
