//! What works row by row or value by value, at the sizes of a batch of `iwslt-160`: 4,096 tokens of 160 channels.
//!
//! Each is given as values a nanosecond and as bytes read and written a second: most of these are bound by memory, the exponentials and
//! the generator of masks by their own arithmetic.

mod common;

use common::{assert_near, values};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use lsra_kernels::activation::relu_backward;
use lsra_kernels::dropout::{DropoutKey, dropout};
use lsra_kernels::elementwise::add_assign;
use lsra_kernels::embedding::{embed, embed_backward};
use lsra_kernels::exp::exp_in_place;
use lsra_kernels::glu::{glu, glu_backward};
use lsra_kernels::norm::{add_norm, norm_backward};
use lsra_kernels::optim::{AdamStep, NesterovStep, adam, nesterov};
use lsra_kernels::reference;
use lsra_kernels::softmax::{log_softmax_rows, softmax_rows, softmax_rows_backward};
use lsra_kernels::{Isa, Rows, RowsMut};

const TOKENS: usize = 4096;
const CHANNELS: usize = 160;
const SIZE: usize = TOKENS * CHANNELS;
/// Rows that are held against the oracle.
const CHECKED: usize = 64;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// Times `run`, which touches `floats` values of f32 in memory.
fn time(group: &mut Group<'_>, name: &str, floats: usize, mut run: impl FnMut()) {
    group.throughput(Throughput::Bytes(4 * floats as u64));
    group.bench_function(name, |b| b.iter(&mut run));
}

fn bench(c: &mut Criterion) {
    let isa = Isa::from_env().expect("LSRA_ISA names a tier of this CPU");
    let mut group = c.benchmark_group("rowwise");
    norms(&mut group, isa);
    gates(&mut group, isa);
    softmaxes(&mut group, isa);
    embeddings(&mut group, isa);
    plain(&mut group, isa);
    optimisers(&mut group, isa);
    group.finish();
}

fn norms(group: &mut Group<'_>, isa: Isa) {
    let [x, residual, dy] = [1, 2, 3].map(|seed| values(SIZE, seed));
    let [gamma, beta] = [4, 5].map(|seed| values(CHANNELS, seed));
    let [mut sum, mut y, mut dx] = [(); 3].map(|()| vec![0.0; SIZE]);
    let mut stats = vec![0.0; 2 * TOKENS];
    let at = |x| Rows::new(x, TOKENS, CHANNELS);
    let eps = 1e-5;
    let mut forward = || {
        let [sum, y] = [&mut sum, &mut y].map(|y| RowsMut::new(y, TOKENS, CHANNELS));
        add_norm(isa, at(&x), Some(at(&residual)), None, &gamma, &beta, eps, sum, y, &mut stats);
    };
    time(group, "add_norm", 4 * SIZE, &mut forward);
    let part = CHECKED * CHANNELS;
    assert_near("add_norm", &y[..part], &reference::norm::norm(&sum[..part], &gamma, &beta, eps));
    let (mut dgamma, mut dbeta) = (vec![0.0; CHANNELS], vec![0.0; CHANNELS]);
    time(group, "norm_backward", 3 * SIZE, || {
        let dx = RowsMut::new(&mut dx, TOKENS, CHANNELS);
        norm_backward(isa, at(&sum), &stats, &gamma, at(&dy), dx, &mut dgamma, &mut dbeta);
    });
    let (want, ..) = reference::norm::norm_backward(&sum[..part], &gamma, eps, &dy[..part]);
    assert_near("norm_backward", &dx[..part], &want);
}

fn gates(group: &mut Group<'_>, isa: Isa) {
    let (x, dy) = (values(2 * SIZE, 1), values(SIZE, 2));
    let (mut y, mut dx) = (vec![0.0; SIZE], vec![0.0; 2 * SIZE]);
    let wide = Rows::new(&x, TOKENS, 2 * CHANNELS);
    time(group, "glu", 3 * SIZE, || glu(isa, wide, RowsMut::new(&mut y, TOKENS, CHANNELS)));
    assert_near("glu", &y[..CHECKED], &reference::activation::glu(&x[..2 * CHANNELS], CHANNELS)[..CHECKED]);
    time(group, "glu_backward", 5 * SIZE, || {
        glu_backward(isa, wide, Rows::new(&dy, TOKENS, CHANNELS), RowsMut::new(&mut dx, TOKENS, 2 * CHANNELS));
    });
    let want = reference::activation::glu_backward(&x[..2 * CHANNELS], &dy[..CHANNELS], CHANNELS);
    assert_near("glu_backward", &dx[..2 * CHANNELS], &want);
    let mut d = dy.clone();
    time(group, "relu_backward", 3 * SIZE, || relu_backward(isa, &x[..SIZE], &mut d));
    assert_near("relu_backward", &d, &reference::activation::relu_backward(&x[..SIZE], &dy));
}

fn softmaxes(group: &mut Group<'_>, isa: Isa) {
    // In place: after the first run, softmaxes of softmaxes, which take as long.
    let x = values(SIZE, 1);
    let mut y = x.clone();
    softmax_rows(isa, RowsMut::new(&mut y, TOKENS, CHANNELS));
    let part = CHECKED * CHANNELS;
    assert_near("softmax", &y[..part], &reference::softmax::softmax_rows(&x[..part], CHANNELS));
    let mut log = x.clone();
    log_softmax_rows(isa, RowsMut::new(&mut log, TOKENS, CHANNELS));
    assert_near("log_softmax", &log[..part], &reference::softmax::log_softmax_rows(&x[..part], CHANNELS));
    let mut dx = x.clone();
    softmax_rows_backward(isa, Rows::new(&y, TOKENS, CHANNELS), RowsMut::new(&mut dx, TOKENS, CHANNELS));
    let want = reference::softmax::softmax_rows_backward(&y[..part], &x[..part], CHANNELS);
    assert_near("softmax_backward", &dx[..part], &want);

    time(group, "softmax", 2 * SIZE, || softmax_rows(isa, RowsMut::new(&mut dx, TOKENS, CHANNELS)));
    time(group, "log_softmax", 2 * SIZE, || log_softmax_rows(isa, RowsMut::new(&mut log, TOKENS, CHANNELS)));
    time(group, "softmax_backward", 3 * SIZE, || {
        softmax_rows_backward(isa, Rows::new(&y, TOKENS, CHANNELS), RowsMut::new(&mut dx, TOKENS, CHANNELS));
    });
    // 16 KiB stay in the first-level cache: the rate of the exponential itself.
    let mut small = values(4096, 1);
    time(group, "exp of 16 KiB", 2 * 4096, || {
        small.fill(-0.5);
        exp_in_place(isa, &mut small);
    });
    assert_near("exp", &small, &vec![(-0.5f32).exp(); 4096]);
}

fn embeddings(group: &mut Group<'_>, isa: Isa) {
    let words = 8848;
    let table = values(words * CHANNELS, 1);
    let positions = values(1024 * CHANNELS, 2);
    let ids: Vec<u32> = (0..TOKENS as u32).map(|i| i.wrapping_mul(2_654_435_761) % words as u32).collect();
    let position_of: Vec<u32> = (0..TOKENS as u32).map(|i| i % 30).collect();
    let mut y = vec![0.0; SIZE];
    time(group, "embed", 3 * SIZE, || {
        embed(isa, &table, &ids, 12.65, &positions, &position_of, RowsMut::new(&mut y, TOKENS, CHANNELS));
    });
    let want = reference::embedding::embed(&table, &ids, 12.65, &positions, &position_of, CHANNELS);
    assert_near("embed", &y, &want);
    let mut dtable = vec![0.0; words * CHANNELS];
    let dy = Rows::new(&y, TOKENS, CHANNELS);
    embed_backward(isa, &ids, 0.5, dy, &mut dtable);
    let want = reference::embedding::embed_backward(words, &ids, 0.5, &y, CHANNELS);
    assert_near("embed_backward", &dtable, &want);
    time(group, "embed_backward", 3 * SIZE, || embed_backward(isa, &ids, 0.5, dy, &mut dtable));
}

fn plain(group: &mut Group<'_>, isa: Isa) {
    let x = values(SIZE, 1);
    let mut y = vec![0.0; SIZE];
    add_assign(isa, &mut y, &x);
    assert_near("add_assign", &y, &x);
    time(group, "add_assign", 3 * SIZE, || add_assign(isa, &mut y, &x));
    let offsets: Vec<usize> = (0..=TOKENS).step_by(32).collect();
    let keys: Vec<DropoutKey> = (0..offsets.len() as u64 - 1).map(|s| DropoutKey::new(1, 2, 3, s)).collect();
    let mut kept = x.clone();
    dropout(isa, 0.3, &keys, &offsets, RowsMut::new(&mut kept, TOKENS, CHANNELS));
    let want: Vec<f32> =
        (0..32 * CHANNELS).map(|i| x[i] * reference::dropout::mask::<f32>(keys[0], 0.3, i as u64)).collect();
    assert_near("dropout", &kept[..want.len()], &want);
    time(group, "dropout", 2 * SIZE, || {
        dropout(isa, 0.3, &keys, &offsets, RowsMut::new(&mut kept, TOKENS, CHANNELS));
    });
}

fn optimisers(group: &mut Group<'_>, isa: Isa) {
    let [p, g, m] = [1, 2, 3].map(|seed| values(SIZE, seed));
    let v: Vec<f32> = values(SIZE, 4).iter().map(|x| x * x).collect();
    let s = AdamStep { lr: 1e-4, beta1: 0.9, beta2: 0.98, eps: 1e-8, weight_decay: 1e-4, step: 1000 };
    let (mut at_p, mut at_m, mut at_v) = (p.clone(), m.clone(), v.clone());
    adam(isa, &s, 0.5, &mut at_p, &g, &mut at_m, &mut at_v);
    let want: Vec<f32> = (0..SIZE).map(|i| reference::optim::adam(&s, 0.5, [p[i], g[i], m[i], v[i]])[0]).collect();
    assert_near("adam", &at_p, &want);
    time(group, "adam", 7 * SIZE, || adam(isa, &s, 0.5, &mut at_p, &g, &mut at_m, &mut at_v));
    let s = NesterovStep { lr: 1e-4, last_lr: 1.1e-4, momentum: 0.99, weight_decay: 1e-4 };
    let (mut at_p, mut velocity) = (p.clone(), m.clone());
    nesterov(isa, &s, 0.5, &mut at_p, &g, &mut velocity);
    let want: Vec<f32> = (0..SIZE).map(|i| reference::optim::nesterov(&s, 0.5, [p[i], g[i], m[i]])[0]).collect();
    assert_near("nesterov", &at_p, &want);
    time(group, "nesterov", 5 * SIZE, || nesterov(isa, &s, 0.5, &mut at_p, &g, &mut velocity));
}

criterion_group!(benches, bench);
criterion_main!(benches);
