//! Convolutions at the sizes of `iwslt-160`: 80 channels, 4 heads, sentences of about 25 tokens, a batch of some 3,400.

mod common;

use common::{assert_near, peak, report_share_of_peak, values};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lsra_kernels::conv::{ConvShape, dynamic_conv, dynamic_conv_backward, light_conv, light_conv_backward};
use lsra_kernels::gemm::Precision;
use lsra_kernels::reference::conv as oracle;
use lsra_kernels::{Isa, Rows, RowsMut, work};

const CHANNELS: usize = 80;
const HEADS: usize = 4;

/// Sentences of 10 to 40 tokens.
fn sentences() -> Vec<usize> {
    (0..136).scan(0, |end, i| Some(std::mem::replace(end, *end + 10 + (i * 7) % 31))).collect()
}

fn bench(c: &mut Criterion) {
    let isa = Isa::from_env().expect("LSRA_ISA names a tier of this CPU");
    let offsets = sentences();
    let tokens = *offsets.last().expect("there are sentences");
    let (x, dy) = (values(tokens * CHANNELS, 1), values(tokens * CHANNELS, 2));
    let (x, dy) = (Rows::new(&x, tokens, CHANNELS), Rows::new(&dy, tokens, CHANNELS));
    for kernel in [3, 7, 15, 31] {
        let shape = ConvShape::centred(CHANNELS, HEADS, kernel);
        let shared = values(HEADS * kernel, 3);
        let each = values(tokens * HEADS * kernel, 4);
        let (mut y, mut dx) = (vec![0.0; tokens * CHANNELS], vec![0.0; tokens * CHANNELS]);
        let (mut dshared, mut deach) = (vec![0.0; shared.len()], vec![0.0; each.len()]);

        let before = work::multiply_adds();
        light_conv(isa, &shape, &offsets, x, &shared, RowsMut::new(&mut y, tokens, CHANNELS));
        let products = (work::multiply_adds() - before) as usize;
        assert_near("light_conv", &y, &oracle::light_conv(&shape, &offsets, x.data, &shared));
        light_conv_backward(
            isa,
            &shape,
            &offsets,
            x,
            &shared,
            dy,
            RowsMut::new(&mut dx, tokens, CHANNELS),
            &mut dshared,
        );
        let (want, _) = oracle::light_conv_backward(&shape, &offsets, x.data, &shared, dy.data);
        assert_near("light_conv_backward", &dx, &want);
        dynamic_conv(isa, &shape, &offsets, x, &each, RowsMut::new(&mut y, tokens, CHANNELS));
        assert_near("dynamic_conv", &y, &oracle::dynamic_conv(&shape, &offsets, x.data, &each));
        dynamic_conv_backward(isa, &shape, &offsets, x, &each, dy, RowsMut::new(&mut dx, tokens, CHANNELS), &mut deach);
        let (want_dx, want_dtaps) = oracle::dynamic_conv_backward(&shape, &offsets, x.data, &each, dy.data);
        assert_near("dynamic_conv_backward dx", &dx, &want_dx);
        assert_near("dynamic_conv_backward dtaps", &deach, &want_dtaps);

        let mut light = || light_conv(isa, &shape, &offsets, x, &shared, RowsMut::new(&mut y, tokens, CHANNELS));
        measure(c, isa, "light_conv", kernel, products, &mut light);
        let mut light_backward = || {
            let dx = RowsMut::new(&mut dx, tokens, CHANNELS);
            light_conv_backward(isa, &shape, &offsets, x, &shared, dy, dx, &mut dshared);
        };
        measure(c, isa, "light_conv_backward", kernel, 2 * products, &mut light_backward);
        let mut dynamic = || dynamic_conv(isa, &shape, &offsets, x, &each, RowsMut::new(&mut y, tokens, CHANNELS));
        measure(c, isa, "dynamic_conv", kernel, products, &mut dynamic);
        let mut dynamic_backward = || {
            let dx = RowsMut::new(&mut dx, tokens, CHANNELS);
            dynamic_conv_backward(isa, &shape, &offsets, x, &each, dy, dx, &mut deach);
        };
        measure(c, isa, "dynamic_conv_backward", kernel, 2 * products, &mut dynamic_backward);
    }
}

fn measure(c: &mut Criterion, isa: Isa, name: &str, kernel: usize, products: usize, run: &mut dyn FnMut()) {
    report_share_of_peak(&format!("{name} k={kernel} {isa:?}"), peak(isa, Precision::F32), products, &mut *run);
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(products as u64));
    group.bench_function(BenchmarkId::from_parameter(kernel), |b| b.iter(&mut *run));
}

criterion_group!(benches, bench);
criterion_main!(benches);
