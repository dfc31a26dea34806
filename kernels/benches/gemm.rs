//! Matrix products at the sizes of training and decoding, as a share of the peak of the same run.

mod common;

use common::{assert_near, peak, report_share_of_peak, rounded, values};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lsra_kernels::gemm::{Epilogue, GemmScratch, PackedB, Precision, gemm, gemm_weight_gradient};
use lsra_kernels::reference::linear::{linear, linear_backward};
use lsra_kernels::{Isa, Rows, RowsMut};

/// Rows, outputs, inputs.
const PRODUCTS: [[usize; 3]; 10] = [
    [1024, 1024, 1024],
    [4096, 480, 160],
    [4096, 160, 160],
    [850, 80, 80],
    [128, 6632, 160],
    [1, 160, 160],
    [1, 480, 160],
    [8, 480, 160],
    [1, 6632, 160],
    [4, 6632, 160],
];

fn bench(c: &mut Criterion) {
    let isa = Isa::from_env().expect("LSRA_ISA names a tier of this CPU");
    for precision in Precision::ALL {
        for [m, n, k] in PRODUCTS {
            product(c, isa, precision, [m, n, k]);
        }
        if precision != Precision::Int8 {
            weight_gradient(c, isa, precision, 4096, 160);
        }
    }
}

fn product(c: &mut Criterion, isa: Isa, precision: Precision, [m, n, k]: [usize; 3]) {
    let (a, w) = (values(m * k, 1), values(n * k, 2));
    let b = PackedB::from_transposed(isa, Rows::new(&w, n, k), precision);
    let mut out = vec![0.0; m * n];
    let mut run = || gemm(isa, Rows::new(&a, m, k), &b, RowsMut::new(&mut out, m, n), Epilogue::None);
    run();
    let name = format!("{precision}/{m}x{n}x{k}");
    report_share_of_peak(&format!("gemm {name} {isa:?}"), peak(isa, precision), m * n * k, &mut run);
    let mut group = c.benchmark_group("gemm");
    group.throughput(Throughput::Elements((m * n * k) as u64));
    group.bench_function(BenchmarkId::from_parameter(&name), |b| b.iter(&mut run));
    group.finish();
    // The first and the last rows; the oracle is slow.
    for rows in [0..m.min(8), m.saturating_sub(8)..m] {
        let want =
            linear(&rounded(&a[rows.start * k..rows.end * k], k, precision), &rounded(&w, k, precision), None, k);
        assert_near(&name, &out[rows.start * n..rows.end * n], &want);
    }
}

fn weight_gradient(c: &mut Criterion, isa: Isa, precision: Precision, tokens: usize, width: usize) {
    let (x, dy) = (values(tokens * width, 1), values(tokens * width, 2));
    let (x_rows, dy_rows) = (Rows::new(&x, tokens, width), Rows::new(&dy, tokens, width));
    let mut scratch = GemmScratch::default();
    let name = format!("{precision}/{width}x{width}x{tokens}");
    let mut dw = vec![0.0; width * width];
    gemm_weight_gradient(isa, dy_rows, x_rows, &mut dw, precision, &mut scratch);
    let as_f64 = |x: &[f32]| -> Vec<f64> { rounded(x, width, precision).into_iter().map(f64::from).collect() };
    let (_, want, _) = linear_backward(&as_f64(&x), &vec![0.0; width * width], &as_f64(&dy), width);
    let want: Vec<f32> = want.iter().map(|&x| x as f32).collect();
    assert_near(&name, &dw, &want);
    let mut run = || gemm_weight_gradient(isa, dy_rows, x_rows, &mut dw, precision, &mut scratch);
    let work = tokens * width * width;
    report_share_of_peak(&format!("weight gradient {name} {isa:?}"), peak(isa, precision), work, &mut run);
    let mut group = c.benchmark_group("weight gradient");
    group.throughput(Throughput::Elements(work as u64));
    group.bench_function(BenchmarkId::from_parameter(&name), |b| b.iter(&mut run));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
