//! The adjoint of every oracle against central differences of the oracle, in f64.

use lsra_kernels::attention::{AttentionShape, Mask};
use lsra_kernels::conv::ConvShape;
use lsra_kernels::reference::attention::{Inputs, attention, attention_backward};
use lsra_kernels::reference::{activation, conv, cross_entropy, embedding, linear, norm};

/// Numbers from -1 to 1, none of them near a kink at 0: SplitMix64.
fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| next()).map(|x| if x.abs() < 1e-3 { 0.5 } else { x }).collect()
}

/// Compares `gradient` with (g . f(x + h e_i) - g . f(x - h e_i)) / 2h for every i: h^2 times a third derivative of order 10, and
/// 1e-15 / h of rounding, which h = 1e-5 makes 1e-9 and 1e-10.
fn check(what: &str, f: impl Fn(&[f64]) -> Vec<f64>, x: &[f64], g: &[f64], gradient: &[f64]) {
    const H: f64 = 1e-5;
    assert_eq!(gradient.len(), x.len(), "{what}: values of the gradient");
    let at = |i: usize, step: f64| {
        let mut moved = x.to_vec();
        moved[i] += step;
        f(&moved).iter().zip(g).map(|(y, g)| y * g).sum::<f64>()
    };
    for (i, &found) in gradient.iter().enumerate() {
        let expected = (at(i, H) - at(i, -H)) / (2.0 * H);
        assert!((found - expected).abs() < 1e-8, "{what}[{i}]: {found}, not {expected}");
    }
}

#[test]
fn linear_layers() {
    let (inputs, outputs, rows) = (5, 4, 3);
    let (x, w, b) = (numbers(rows * inputs, 1), numbers(outputs * inputs, 2), numbers(outputs, 3));
    let g = numbers(rows * outputs, 4);
    let (dx, dw, db) = linear::linear_backward(&x, &w, &g, inputs);
    check("dx", |x| linear::linear(x, &w, Some(&b), inputs), &x, &g, &dx);
    check("dw", |w| linear::linear(&x, w, Some(&b), inputs), &w, &g, &dw);
    check("dbias", |b| linear::linear(&x, &w, Some(b), inputs), &b, &g, &db);
}

#[test]
fn activations() {
    let (x, g) = (numbers(24, 1), numbers(24, 2));
    check("relu", activation::relu, &x, &g, &activation::relu_backward(&activation::relu(&x), &g));
    let g = numbers(12, 3);
    check("glu", |x| activation::glu(x, 4), &x, &g, &activation::glu_backward(&x, &g, 4));
}

#[test]
fn layer_norm() {
    let (x, gamma, beta, g) = (numbers(21, 1), numbers(7, 2), numbers(7, 3), numbers(21, 4));
    let eps = 1e-5;
    let (dx, dgamma, dbeta) = norm::norm_backward(&x, &gamma, eps, &g);
    check("dx", |x| norm::norm(x, &gamma, &beta, eps), &x, &g, &dx);
    check("dgamma", |gamma| norm::norm(&x, gamma, &beta, eps), &gamma, &g, &dgamma);
    check("dbeta", |beta| norm::norm(&x, &gamma, beta, eps), &beta, &g, &dbeta);
}

#[test]
fn embeddings() {
    let (words, channels, ids, places) = (6, 3, [4, 0, 4, 5], [0, 1, 2, 0]);
    let (table, positions, g) = (numbers(words * channels, 1), numbers(9, 2), numbers(12, 3));
    let dtable = embedding::embed_backward(words, &ids, 1.5, &g, channels);
    let embed = |table: &[f64]| embedding::embed(table, &ids, 1.5, &positions, &places, channels);
    check("dtable", embed, &table, &g, &dtable);
}

#[test]
fn smoothed_losses() {
    let (words, targets) = (7, [2, 6, 0]);
    let (logits, ones) = (numbers(words * targets.len(), 1), [1.0; 3]);
    for smoothing in [0.0, 0.1, 0.5] {
        let loss = |logits: &[f64]| cross_entropy::smoothed_losses(logits, words, &targets, smoothing).smoothed;
        let dlogits = cross_entropy::smoothed_losses_backward(&logits, words, &targets, smoothing);
        check("dlogits", loss, &logits, &ones, &dlogits);
    }
}

#[test]
fn pairs_that_are_to_agree() {
    let (words, targets) = (7, [2, 6, 0]);
    let (a, b, ones) = (numbers(words * targets.len(), 1), numbers(words * targets.len(), 2), [1.0; 3]);
    for (smoothing, alpha) in [(0.0, 1.0), (0.1, 5.0), (0.5, 0.3)] {
        let loss = |logits: [&[f64]; 2]| {
            let found = cross_entropy::pair_losses(logits, words, &targets, smoothing);
            let divergence = found.divergence.iter().map(|d| f64::from(alpha) / 2.0 * d);
            found.smoothed.iter().zip(divergence).map(|(l, d)| l + d).collect()
        };
        let [da, db] = cross_entropy::pair_losses_backward([&a, &b], words, &targets, smoothing, alpha);
        check("first logits", |a| loss([a, &b]), &a, &ones, &da);
        check("second logits", |b| loss([&a, b]), &b, &ones, &db);
    }
}

#[test]
fn students_of_a_teacher() {
    let (words, targets) = (7, [2, 6, 0]);
    let (student, teacher, ones) = (numbers(words * targets.len(), 1), numbers(words * targets.len(), 2), [1.0; 3]);
    for (smoothing, share, temperature) in [(0.0, 0.5, 1.0), (0.1, 1.0, 2.0), (0.5, 0.3, 0.7)] {
        let loss = |student: &[f64]| {
            let found = cross_entropy::distilled_losses([student, &teacher], words, &targets, smoothing, temperature);
            let (share, weight) = (f64::from(share), f64::from(share) * f64::from(temperature).powi(2));
            found.smoothed.iter().zip(&found.divergence).map(|(l, d)| (1.0 - share) * l + weight * d).collect()
        };
        let both = [&student[..], &teacher];
        let found = cross_entropy::distilled_losses_backward(both, words, &targets, smoothing, share, temperature);
        check("student's logits", loss, &student, &ones, &found);
    }
}

#[test]
fn convolutions() {
    let (channels, heads, offsets) = (6, 3, [0, 2, 7, 8]);
    for (kernel, left) in [(1, 0), (3, 1), (4, 2), (5, 4)] {
        let shape = ConvShape { channels, heads, kernel, left };
        let (x, g) = (numbers(8 * channels, 1), numbers(8 * channels, 2));
        let taps = numbers(8 * heads * kernel, 3);
        let (dx, dtaps) = conv::dynamic_conv_backward(&shape, &offsets, &x, &taps, &g);
        check("dynamic dx", |x| conv::dynamic_conv(&shape, &offsets, x, &taps), &x, &g, &dx);
        check("dynamic dtaps", |taps| conv::dynamic_conv(&shape, &offsets, &x, taps), &taps, &g, &dtaps);
        let taps = numbers(heads * kernel, 4);
        let (dx, dtaps) = conv::light_conv_backward(&shape, &offsets, &x, &taps, &g);
        check("light dx", |x| conv::light_conv(&shape, &offsets, x, &taps), &x, &g, &dx);
        check("light dtaps", |taps| conv::light_conv(&shape, &offsets, &x, taps), &taps, &g, &dtaps);
        let g = numbers(heads * kernel, 5);
        let dw = conv::softmax_taps_backward(kernel, &conv::softmax_taps(kernel, &taps), &g);
        check("softmax of taps", |w| conv::softmax_taps(kernel, w), &taps, &g, &dw);
    }
}

#[test]
fn attentions() {
    let (heads, head_dim) = (2, 3);
    let width = heads * head_dim;
    // Two sequences of queries: one over its own four rows, one over five rows that start later.
    let (q_offsets, kv_ranges) = ([0, 4, 6], [(0, 4), (4, 9)]);
    let (q, k, v, g) = (numbers(6 * width, 1), numbers(9 * width, 2), numbers(9 * width, 3), numbers(6 * width, 4));
    let mask: Vec<f64> =
        numbers(heads * (4 * 4 + 2 * 5), 5).iter().map(|x| if *x < -0.5 { 0.0 } else { 1.25 }).collect();
    for (causal, dropped) in
        [(Mask::None, vec![]), (Mask::Causal, vec![]), (Mask::None, mask.clone()), (Mask::Causal, mask)]
    {
        let run = |q: &[f64], k: &[f64], v: &[f64]| {
            let shape = AttentionShape { heads, head_dim, scale: 0.6 };
            let inputs = Inputs {
                shape,
                mask: causal,
                q,
                q_offsets: &q_offsets,
                k,
                v,
                kv_ranges: &kv_ranges,
                dropped: &dropped,
            };
            (attention(&inputs), attention_backward(&inputs, &g))
        };
        let found = run(&q, &k, &v).1;
        check("dq", |q| run(q, &k, &v).0, &q, &g, &found.dq);
        check("dk", |k| run(&q, k, &v).0, &k, &g, &found.dk);
        check("dv", |v| run(&q, &k, v).0, &v, &g, &found.dv);
    }
}
