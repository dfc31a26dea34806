//! Attention at the sizes of `iwslt-160`: 4 heads of 20 channels within a sentence, 4 of 40 across; sentences of about 25 tokens, a batch of
//! some 3,400.

mod common;

use common::{assert_near, peak, report_share_of_peak, values};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lsra_kernels::attention::{AttentionScratch, AttentionShape, Dropped, Mask, attention, attention_backward};
use lsra_kernels::dropout::DropoutKey;
use lsra_kernels::gemm::Precision;
use lsra_kernels::reference::attention::{self as oracle, Inputs};
use lsra_kernels::{Isa, Rows, RowsMut, work};

fn bench(c: &mut Criterion) {
    let isa = Isa::from_env().expect("LSRA_ISA names a tier of this CPU");
    let sentences: Vec<usize> = (0..136).map(|i| 10 + (i * 7) % 31).collect();
    let cases = [
        ("self", 80, Mask::None, None, &sentences[..]),
        ("causal", 80, Mask::Causal, None, &sentences),
        ("cross", 160, Mask::None, None, &sentences),
        ("cross_dropped", 160, Mask::None, Some(0.1), &sentences),
        ("long", 320, Mask::Causal, None, &[512; 4]),
    ];
    for (name, channels, mask, dropout, lengths) in cases {
        measure(c, isa, name, AttentionShape::new(channels, 4), mask, dropout, lengths);
    }
}

fn measure(
    c: &mut Criterion,
    isa: Isa,
    name: &str,
    shape: AttentionShape,
    mask: Mask,
    dropout: Option<f32>,
    lengths: &[usize],
) {
    let ends: Vec<usize> = lengths.iter().scan(0, |end, n| Some(std::mem::replace(end, *end + n) + n)).collect();
    let offsets: Vec<usize> = std::iter::once(0).chain(ends).collect();
    let (t, channels) = (*offsets.last().expect("there are sentences"), shape.channels());
    let ranges: Vec<(usize, usize)> = offsets.windows(2).map(|w| (w[0], w[1])).collect();
    let data: Vec<Vec<f32>> = (1..5).map(|seed| values(t * channels, seed)).collect();
    let [q, k, v, dout] = std::array::from_fn(|i| Rows::new(&data[i], t, channels));
    let keys: Vec<DropoutKey> = (0..lengths.len()).map(|s| DropoutKey::new(1, 2, 3, s as u64)).collect();
    let dropout = dropout.map(|p| Dropped { p, keys: &keys });
    let mut scratch = AttentionScratch::default();
    let (mut out, mut log_sum) = (vec![0.0; t * channels], vec![0.0; t * shape.heads]);

    let mut forward = |out: &mut [f32]| {
        let out = RowsMut::new(out, t, channels);
        attention(isa, &shape, mask, q, &offsets, k, v, &ranges, dropout, out, Some(&mut log_sum), &mut scratch);
    };
    let before = work::multiply_adds();
    forward(&mut out);
    let products = (work::multiply_adds() - before) as usize;
    let inputs =
        Inputs { shape, mask, q: q.data, q_offsets: &offsets, k: k.data, v: v.data, kv_ranges: &ranges, dropped: &[] };
    if dropout.is_none() {
        assert_near(name, &out, &oracle::attention(&inputs));
    }
    report_share_of_peak(&format!("attention {name} {isa:?}"), peak(isa, Precision::F32), products, || {
        forward(&mut out)
    });
    let mut group = c.benchmark_group("attention");
    group.throughput(Throughput::Elements(products as u64));
    group.bench_function(BenchmarkId::from_parameter(name), |b| b.iter(|| forward(&mut out)));
    group.finish();

    let mut gradients = [vec![0.0; t * channels], vec![0.0; t * channels], vec![0.0; t * channels]];
    let mut backward = |gradients: &mut [Vec<f32>; 3]| {
        let [dq, dk, dv] = gradients.each_mut().map(|g| RowsMut::new(g, t, channels));
        let out = Rows::new(&out, t, channels);
        attention_backward(
            isa,
            &shape,
            mask,
            q,
            &offsets,
            k,
            v,
            &ranges,
            dropout,
            out,
            &log_sum,
            dout,
            dq,
            dk,
            dv,
            &mut scratch,
        );
    };
    backward(&mut gradients);
    if dropout.is_none() {
        let want = oracle::attention_backward(&inputs, dout.data);
        for (got, want) in gradients.iter().zip([want.dq, want.dk, want.dv]) {
            assert_near(name, got, &want);
        }
    }
    // Scores again, and four products of the same size.
    let products = products / 2 * 5;
    report_share_of_peak(&format!("attention_backward {name} {isa:?}"), peak(isa, Precision::F32), products, || {
        backward(&mut gradients)
    });
    let mut group = c.benchmark_group("attention_backward");
    group.throughput(Throughput::Elements(products as u64));
    group.bench_function(BenchmarkId::from_parameter(name), |b| b.iter(|| backward(&mut gradients)));
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
