//! The fused output projection, softmax and loss at the sizes of `iwslt-160`, and with a large vocabulary: as a share of the FMA peak of
//! the same run.

mod common;

use common::{assert_near, peak, report_share_of_peak, rounded, values};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lsra_kernels::cross_entropy::{LossScratch, projection_loss, projection_loss_backward};
use lsra_kernels::gemm::{PackedB, Precision};
use lsra_kernels::reference::cross_entropy::{smoothed_losses, smoothed_losses_backward};
use lsra_kernels::reference::linear::{linear, linear_backward};
use lsra_kernels::{Isa, Rows, RowsMut};

const SMOOTHING: f32 = 0.1;
/// Rows that are held against the oracle.
const CHECKED: usize = 4;

fn bench(c: &mut Criterion) {
    let isa = Isa::from_env().expect("LSRA_ISA names a tier of this CPU");
    for [rows, words, d] in [[1024, 6632, 160], [512, 32768, 160]] {
        measure(c, isa, rows, words, d);
    }
}

fn measure(c: &mut Criterion, isa: Isa, rows: usize, words: usize, d: usize) {
    for precision in [Precision::F32, Precision::Bf16] {
        measure_in(c, isa, precision, rows, words, d);
    }
}

fn measure_in(c: &mut Criterion, isa: Isa, precision: Precision, rows: usize, words: usize, d: usize) {
    let (x, matrix) = (rounded(&values(rows * d, 1), d, precision), rounded(&values(words * d, 2), d, precision));
    let targets: Vec<u32> = (0..rows as u32).map(|i| i.wrapping_mul(2_654_435_761) % words as u32).collect();
    let as_matrix = Rows::new(&matrix, words, d);
    let (w, w_rows) =
        (PackedB::from_transposed(isa, as_matrix, precision), PackedB::from_rows(isa, as_matrix, precision));
    let (mut loss, mut nll, mut dx, mut dw) =
        (vec![0.0; rows], vec![0.0; rows], vec![0.0; rows * d], vec![0.0; words * d]);
    let mut scratch = LossScratch::default();
    let name = format!("{rows}x{words}x{d} {precision}");
    let products = rows * words * d;
    let at = Rows::new(&x, rows, d);
    let mut forward = || projection_loss(isa, at, &w, &targets, SMOOTHING, &mut loss, &mut nll, &mut scratch);
    report_share_of_peak(&format!("projection_loss {name} {isa:?}"), peak(isa, precision), products, &mut forward);
    let mut group = c.benchmark_group("projection_loss");
    group.throughput(Throughput::Elements(products as u64));
    group.bench_function(BenchmarkId::new("forward", &name), |b| b.iter(&mut forward));
    let logits = linear(&x[..CHECKED * d], &matrix, None, d);
    let want = smoothed_losses(&logits, words, &targets[..CHECKED], SMOOTHING);
    assert_near("loss", &loss[..CHECKED], &want.smoothed);
    assert_near("nll", &nll[..CHECKED], &want.nll);

    let mut backward = || {
        let dx = RowsMut::new(&mut dx, rows, d);
        let (loss, nll, dw, scratch) = (&mut loss, &mut nll, &mut dw, &mut scratch);
        projection_loss_backward(isa, at, &w, &w_rows, &targets, SMOOTHING, 1.0, loss, nll, dx, dw, scratch);
    };
    // Logits, dx and dw: three products of the same size.
    report_share_of_peak(
        &format!("projection_loss_backward {name} {isa:?}"),
        peak(isa, precision),
        3 * products,
        &mut backward,
    );
    group.throughput(Throughput::Elements(3 * products as u64));
    group.bench_function(BenchmarkId::new("backward", &name), |b| b.iter(&mut backward));
    group.finish();
    let dlogits = smoothed_losses_backward(&logits, words, &targets[..CHECKED], SMOOTHING);
    let (want, ..) = linear_backward(&x[..CHECKED * d], &matrix, &rounded(&dlogits, d, precision), d);
    assert_near("dx", &dx[..CHECKED * d], &want);
}

criterion_group!(benches, bench);
criterion_main!(benches);
