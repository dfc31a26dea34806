//! What works row by row or value by value, over a lane's part of a batch: 850 tokens of 160 channels.
//!
//! Most are bound by the bytes they read and write; softmax, gates and dropout by the exponential's and the generator's own rates, timed on
//! data that stays in the first-level cache.

use super::data::{Values, assert_near, constant, values, zeros};
use crate::measure::best_of_slice;
use crate::{Bound, Case, Plan, Unit};
use lsra_kernels::activation::relu_backward;
use lsra_kernels::dropout::{DropoutKey, dropout};
use lsra_kernels::elementwise::add_assign;
use lsra_kernels::embedding::{embed, embed_backward};
use lsra_kernels::exp::exp_at_most_88_in_place;
use lsra_kernels::glu::{glu, glu_backward};
use lsra_kernels::norm::{add_norm, norm as normalise, norm_backward};
use lsra_kernels::optim::{AdamStep, NesterovStep, adam, nesterov};
use lsra_kernels::reference;
use lsra_kernels::softmax::{log_softmax_rows, softmax_rows, softmax_rows_backward};
use lsra_kernels::{Isa, Rows, RowsMut};
use std::time::Duration;

const TOKENS: usize = 850;
const CHANNELS: usize = 160;
const SIZE: usize = TOKENS * CHANNELS;
const EPS: f32 = 1e-5;
const SEEDS: [u64; 2] = [1, 2];

pub(super) fn plans() -> Vec<Plan> {
    type Build = fn(Isa) -> Case;
    let plans: [(&str, Build); 14] = [
        ("add-norm", norm),
        ("norm-backward", norm_gradient),
        ("glu", gate),
        ("glu-backward", gate_gradient),
        ("relu-backward", relu_gradient),
        ("softmax", softmax),
        ("log-softmax", log_softmax),
        ("softmax-backward", softmax_gradient),
        ("embed", embedding),
        ("embed-backward", embedding_gradient),
        ("add-assign", add),
        ("dropout", drop),
        ("adam", adam_step),
        ("nesterov", nesterov_step),
    ];
    plans.into_iter().map(|(name, build)| Plan::new(format!("rowwise/{name}"), build)).collect()
}

fn rows(x: &[f32]) -> Rows<'_> {
    Rows::new(x, TOKENS, x.len() / TOKENS)
}

fn rows_mut(x: &mut [f32]) -> RowsMut<'_> {
    let columns = x.len() / TOKENS;
    RowsMut::new(x, TOKENS, columns)
}

/// Bytes of so many values of f32 for each value of a batch.
fn touching(arrays: usize, run: impl FnMut() + 'static) -> Case {
    Case::bytes(4 * arrays * SIZE, run)
}

fn norm(isa: Isa) -> Case {
    let [x, residual] = [1, 2].map(|seed| values(SIZE, seed));
    let [gamma, beta] = [4, 5].map(|seed| values(CHANNELS, seed));
    let want: Values = x.iter().zip(&residual[..]).map(|(x, r)| x + r).collect();
    let (mut sum, mut y, mut stats) = (x, zeros(SIZE), zeros(2 * TOKENS));
    let (g, b) = (gamma.clone(), beta.clone());
    // Over and over, a sum grows by the residual each time.
    let mut run = move |sum: &mut [f32], y: &mut [f32]| {
        add_norm(isa, rows(&residual), None, &g, &b, EPS, rows_mut(sum), rows_mut(y), &mut stats);
    };
    run(&mut sum, &mut y);
    assert_near("the sum", &sum, &want);
    assert_near("add_norm", &y, &reference::norm::norm(&sum, &gamma, &beta, EPS));
    touching(4, move || run(&mut sum, &mut y))
}

fn norm_gradient(isa: Isa) -> Case {
    let (x, dy, gamma) = (values(SIZE, 1), values(SIZE, 3), values(CHANNELS, 4));
    let mut checked = NormGradient::new(isa, &x, &dy, &gamma);
    checked.run();
    let (want, ..) = reference::norm::norm_backward(&x, &gamma, EPS, &dy);
    assert_near("norm_backward", &checked.dy, &want);
    // What is timed goes on from its own result. Of rows whose variance is 1, and without a factor, that stays of the same size.
    let ones = constant(CHANNELS, 1.0);
    let mut timed = NormGradient::new(isa, &reference::norm::norm(&x, &ones, &zeros(CHANNELS), EPS), &dy, &ones);
    touching(3, move || timed.run())
}

struct NormGradient {
    isa: Isa,
    sum: Values,
    stats: Values,
    gamma: Values,
    dy: Values,
    dgamma: Values,
    dbeta: Values,
}

impl NormGradient {
    fn new(isa: Isa, x: &[f32], dy: &[f32], gamma: &[f32]) -> NormGradient {
        let [sum, dy, gamma] = [x, dy, gamma].map(|x| x.iter().copied().collect::<Values>());
        let [mut stats, dgamma, dbeta] = [2 * TOKENS, CHANNELS, CHANNELS].map(zeros);
        // For its statistics, which have nothing to do with beta.
        normalise(isa, rows(&sum), &gamma, &dbeta, EPS, rows_mut(&mut zeros(SIZE)), &mut stats);
        NormGradient { isa, sum, stats, gamma, dy, dgamma, dbeta }
    }

    fn run(&mut self) {
        let NormGradient { isa, sum, stats, gamma, dy, dgamma, dbeta } = self;
        norm_backward(*isa, rows(sum), stats, gamma, rows_mut(dy), None, dgamma, dbeta);
    }
}

/// Bound by the bytes of so many arrays, or by the exponential in each value's sigmoid.
fn gated(isa: Isa, arrays: usize, run: impl FnMut() + 'static) -> Case {
    touching(arrays, run).bound(exponentials(isa))
}

fn gate(isa: Isa) -> Case {
    let (x, mut y) = (values(2 * SIZE, 1), zeros(SIZE));
    glu(isa, rows(&x), rows_mut(&mut y));
    assert_near("glu", &y, &reference::activation::glu(&x, CHANNELS));
    gated(isa, 3, move || glu(isa, rows(&x), rows_mut(&mut y)))
}

fn gate_gradient(isa: Isa) -> Case {
    let (x, dy, mut dx) = (values(2 * SIZE, 1), values(SIZE, 2), zeros(2 * SIZE));
    glu_backward(isa, rows(&x), rows(&dy), rows_mut(&mut dx));
    assert_near("glu_backward", &dx, &reference::activation::glu_backward(&x, &dy, CHANNELS));
    gated(isa, 5, move || glu_backward(isa, rows(&x), rows(&dy), rows_mut(&mut dx)))
}

fn relu_gradient(isa: Isa) -> Case {
    let (x, mut dy) = (values(SIZE, 1), values(SIZE, 2));
    let want = reference::activation::relu_backward(&x, &dy);
    relu_backward(isa, &x, &mut dy);
    assert_near("relu_backward", &dy, &want);
    touching(3, move || relu_backward(isa, &x, &mut dy))
}

/// Seconds of an exponential of each value of a batch, out of the first-level cache: the short one, which softmaxes and gates use.
fn exponentials(isa: Isa) -> Bound {
    let mut small = constant(2048, -0.5);
    exp_at_most_88_in_place(isa, &mut small);
    assert_near("exp", &small, &[(-0.5f32).exp(); 2048]);
    Bound::Own(Box::new(move || {
        let mut run = || exp_at_most_88_in_place(isa, &mut small);
        best_of_slice(&mut run, Duration::from_millis(5)) * (SIZE as f64 / 2048.0)
    }))
}

/// Softmaxes in place, bound by the exponential: after the first run of what came before, which takes as long.
fn in_place(isa: Isa, run: fn(Isa, RowsMut<'_>), oracle: fn(&[f32], usize) -> Vec<f32>) -> Case {
    let mut x = values(SIZE, 1);
    let want = oracle(&x, CHANNELS);
    run(isa, rows_mut(&mut x));
    assert_near("softmax", &x, &want);
    let unit = Unit::Rate { amount: SIZE as f64, name: "Gvalues/s" };
    Case::new(unit, vec![exponentials(isa)], move || run(isa, rows_mut(&mut x)))
}

fn softmax(isa: Isa) -> Case {
    in_place(isa, softmax_rows, reference::softmax::softmax_rows)
}

fn log_softmax(isa: Isa) -> Case {
    in_place(isa, log_softmax_rows, reference::softmax::log_softmax_rows)
}

fn softmax_gradient(isa: Isa) -> Case {
    let (mut y, mut dx) = (values(SIZE, 1), values(SIZE, 2));
    softmax_rows(isa, rows_mut(&mut y));
    let want = reference::softmax::softmax_rows_backward(&y, &dx, CHANNELS);
    softmax_rows_backward(isa, rows(&y), rows_mut(&mut dx));
    assert_near("softmax_backward", &dx, &want);
    touching(3, move || softmax_rows_backward(isa, rows(&y), rows_mut(&mut dx)))
}

/// Words of the table.
const WORDS: usize = 8848;

fn ids() -> Vec<u32> {
    (0..TOKENS as u32).map(|i| i.wrapping_mul(2_654_435_761) % WORDS as u32).collect()
}

fn embedding(isa: Isa) -> Case {
    let (table, positions, ids) = (values(WORDS * CHANNELS, 1), values(1024 * CHANNELS, 2), ids());
    let position_of: Vec<u32> = (0..TOKENS as u32).map(|i| i % 30).collect();
    let mut y = zeros(SIZE);
    let want = reference::embedding::embed(&table, &ids, 12.65, &positions, &position_of, CHANNELS);
    let run = move |y: &mut [f32]| embed(isa, &table, &ids, 12.65, &positions, &position_of, rows_mut(y));
    run(&mut y);
    assert_near("embed", &y, &want);
    touching(3, move || run(&mut y))
}

fn embedding_gradient(isa: Isa) -> Case {
    let (dy, ids, mut dtable) = (values(SIZE, 1), ids(), zeros(WORDS * CHANNELS));
    embed_backward(isa, &ids, 0.5, rows(&dy), &mut dtable);
    assert_near("embed_backward", &dtable, &reference::embedding::embed_backward(WORDS, &ids, 0.5, &dy, CHANNELS));
    touching(3, move || embed_backward(isa, &ids, 0.5, rows(&dy), &mut dtable))
}

fn add(isa: Isa) -> Case {
    let (x, mut y) = (values(SIZE, 1), zeros(SIZE));
    add_assign(isa, &mut y, &x);
    assert_near("add_assign", &y, &x);
    touching(3, move || add_assign(isa, &mut y, &x))
}

fn drop(isa: Isa) -> Case {
    const P: f32 = 0.3;
    let keys = SEEDS.map(|s| DropoutKey::new(1, 2, 3, s));
    let offsets = [0, TOKENS / 2, TOKENS];
    let mut x = values(SIZE, 1);
    let (key, half) = (keys[0], TOKENS / 2 * CHANNELS);
    let want: Vec<f32> = (0..half).map(|i| x[i] * reference::dropout::mask::<f32>(key, P, i as u64)).collect();
    dropout(isa, P, &keys, &offsets, rows_mut(&mut x));
    assert_near("dropout", &x[..half], &want);
    // The generator itself: a mask over few values that stay in the first-level cache.
    let mut small = constant(2048, 1.0);
    let own = move || {
        let mut run = || dropout(isa, P, &[key], &[0, 1], RowsMut::new(&mut small, 1, 2048));
        best_of_slice(&mut run, Duration::from_millis(5)) * (SIZE as f64 / 2048.0)
    };
    let unit = Unit::Rate { amount: SIZE as f64, name: "Gvalues/s" };
    Case::new(unit, vec![Bound::Own(Box::new(own))], move || dropout(isa, P, &keys, &offsets, rows_mut(&mut x)))
}

fn adam_step(isa: Isa) -> Case {
    let [p, g, m] = [1, 2, 3].map(|seed| values(SIZE, seed));
    let v: Values = values(SIZE, 4).iter().map(|x| x * x).collect();
    let s = AdamStep { lr: 1e-4, beta1: 0.9, beta2: 0.98, eps: 1e-8, weight_decay: 1e-4, step: 1000 };
    let want: Vec<f32> = (0..SIZE).map(|i| reference::optim::adam(&s, 0.5, [p[i], g[i], m[i], v[i]])[0]).collect();
    let (mut at_p, mut at_m, mut at_v) = (p, m, v);
    adam(isa, &s, 0.5, &mut at_p, &g, &mut at_m, &mut at_v);
    assert_near("adam", &at_p, &want);
    touching(7, move || adam(isa, &s, 0.5, &mut at_p, &g, &mut at_m, &mut at_v))
}

fn nesterov_step(isa: Isa) -> Case {
    let [p, g, m] = [1, 2, 3].map(|seed| values(SIZE, seed));
    let s = NesterovStep { lr: 1e-4, last_lr: 1.1e-4, momentum: 0.99, weight_decay: 1e-4 };
    let want: Vec<f32> = (0..SIZE).map(|i| reference::optim::nesterov(&s, 0.5, [p[i], g[i], m[i]])[0]).collect();
    let (mut at_p, mut velocity) = (p, m);
    nesterov(isa, &s, 0.5, &mut at_p, &g, &mut velocity);
    assert_near("nesterov", &at_p, &want);
    touching(5, move || nesterov(isa, &s, 0.5, &mut at_p, &g, &mut velocity))
}
