//! Matrix products at the sizes of training and decoding, as a share of the FMA peak of the same run.

mod common;

use common::{assert_near, report_share_of_peak, values};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lsra_kernels::gemm::{Epilogue, GemmScratch, PackedB, gemm, gemm_weight_gradient};
use lsra_kernels::reference::linear::{linear, linear_backward};
use lsra_kernels::{Isa, Rows, RowsMut};

/// Rows, outputs, inputs.
const PRODUCTS: [[usize; 3]; 7] = [
    [1024, 1024, 1024],
    [4096, 480, 160],
    [4096, 160, 160],
    [850, 80, 80],
    [128, 6632, 160],
    [1, 160, 160],
    [4, 6632, 160],
];

fn bench(c: &mut Criterion) {
    let isa = Isa::from_env().expect("LSRA_ISA names a tier of this CPU");
    for [m, n, k] in PRODUCTS {
        let (a, w) = (values(m * k, 1), values(n * k, 2));
        let b = PackedB::from_transposed(isa, Rows::new(&w, n, k));
        let mut out = vec![0.0; m * n];
        let mut run = || gemm(isa, Rows::new(&a, m, k), &b, RowsMut::new(&mut out, m, n), Epilogue::None);
        run();
        let name = format!("{m}x{n}x{k}");
        report_share_of_peak(&format!("gemm {name} {isa:?}"), isa, m * n * k, &mut run);
        let mut group = c.benchmark_group("gemm");
        group.throughput(Throughput::Elements((m * n * k) as u64));
        group.bench_function(BenchmarkId::from_parameter(&name), |b| b.iter(&mut run));
        group.finish();
        // The first and the last rows; the oracle is slow.
        for rows in [0..m.min(8), m.saturating_sub(8)..m] {
            let want = linear(&a[rows.start * k..rows.end * k], &w, None, k);
            assert_near(&name, &out[rows.start * n..rows.end * n], &want);
        }
    }
    weight_gradient(c, isa, 4096, 160);
}

fn weight_gradient(c: &mut Criterion, isa: Isa, tokens: usize, width: usize) {
    let (x, dy) = (values(tokens * width, 1), values(tokens * width, 2));
    let (x_rows, dy_rows) = (Rows::new(&x, tokens, width), Rows::new(&dy, tokens, width));
    let mut scratch = GemmScratch::default();
    let name = format!("{width}x{width}x{tokens}");
    let mut dw = vec![0.0; width * width];
    gemm_weight_gradient(isa, dy_rows, x_rows, &mut dw, &mut scratch);
    let as_f64 = |x: &[f32]| -> Vec<f64> { x.iter().map(|&x| x.into()).collect() };
    let (_, want, _) = linear_backward(&as_f64(&x), &vec![0.0; width * width], &as_f64(&dy), width);
    let want: Vec<f32> = want.iter().map(|&x| x as f32).collect();
    assert_near(&name, &dw, &want);
    let mut run = || gemm_weight_gradient(isa, dy_rows, x_rows, &mut dw, &mut scratch);
    let work = tokens * width * width;
    report_share_of_peak(&format!("weight gradient {name} {isa:?}"), isa, work, &mut run);
    let mut group = c.benchmark_group("weight gradient");
    group.throughput(Throughput::Elements(work as u64));
    group.bench_function(BenchmarkId::from_parameter(&name), |b| b.iter(&mut run));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
