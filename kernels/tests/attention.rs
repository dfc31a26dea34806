//! Attention against its oracle, on every tier that this CPU has.

mod common;

use common::{assert_within, differences, dot, magnitudes, offsets, values, wide};
use lsra_kernels::attention::{
    AttentionScratch, AttentionShape, Dropped, FEW, KeyPanels, Mask, attention, attention_backward, attention_gather,
    attention_over_panels, attention_weights, key_panels, lay_out_keys, panel_values,
};
use lsra_kernels::dropout::{DropoutKey, mask_into};
use lsra_kernels::reference::attention::{self as oracle, Inputs};
use lsra_kernels::{Isa, Rows, RowsMut, work};
use proptest::prelude::*;

/// An attention over a ragged batch.
#[derive(Clone, Debug)]
struct Case {
    shape: AttentionShape,
    mask: Mask,
    /// Queries and keys of each sequence.
    lengths: Vec<(usize, usize)>,
    dropout: Option<f32>,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    let head_dim = prop_oneof![Just(20usize), Just(40), Just(64), 8usize..=128];
    // Beyond 64 keys there is a second tile; queries go across lanes by sixteens and thirty-twos.
    let length = prop_oneof![Just(1usize), 2usize..30, 14usize..36, 60usize..70, 120usize..140];
    let lengths = prop::collection::vec((length.clone(), length), 1..4);
    (1usize..4, head_dim, 0..3, lengths, any::<bool>(), any::<u64>()).prop_map(
        |(heads, head_dim, kind, lengths, dropped, seed)| {
            let mask = if kind == 0 { Mask::None } else { Mask::Causal };
            let lengths = lengths.into_iter().map(|(a, b)| match kind {
                0 => (a, b),
                1 => (a, a),
                _ => (a.min(b), a.max(b)),
            });
            let shape = AttentionShape::new(heads * head_dim, heads);
            Case { shape, mask, lengths: lengths.collect(), dropout: dropped.then_some(0.3), seed }
        },
    )
}

/// A case's data.
struct Data {
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    dout: Vec<f32>,
    q_offsets: Vec<usize>,
    kv_ranges: Vec<(usize, usize)>,
    keys: Vec<DropoutKey>,
    dropped: Vec<f32>,
}

/// What one pass forward and backward gives.
struct Results {
    out: Vec<f32>,
    dq: Vec<f32>,
    dk: Vec<f32>,
    dv: Vec<f32>,
}

impl Case {
    fn data(&self) -> Data {
        let q_offsets = offsets(&self.lengths.iter().map(|l| l.0).collect::<Vec<_>>());
        let kv = offsets(&self.lengths.iter().map(|l| l.1).collect::<Vec<_>>());
        let (tq, tk, c) = (q_offsets[self.lengths.len()], kv[self.lengths.len()], self.shape.channels());
        // Scores of some size, so that the softmax is not flat.
        let spread = |x: Vec<f32>| x.into_iter().map(|x| 3.0 * x).collect();
        let keys: Vec<_> = (0..self.lengths.len()).map(|s| DropoutKey::new(self.seed, 1, 2, s as u64)).collect();
        let mut dropped = Vec::new();
        for (&(queries, keys_of), key) in self.lengths.iter().zip(&keys) {
            let mut mask = vec![0.0; self.shape.heads * queries * keys_of];
            if let Some(p) = self.dropout {
                mask_into(Isa::SCALAR, *key, p, 0, &mut mask);
                dropped.extend(mask);
            }
        }
        Data {
            q: spread(values(tq * c, self.seed)),
            k: values(tk * c, self.seed ^ 1),
            v: values(tk * c, self.seed ^ 2),
            dout: values(tq * c, self.seed ^ 3),
            q_offsets,
            kv_ranges: kv.windows(2).map(|w| (w[0], w[1])).collect(),
            keys,
            dropped,
        }
    }

    fn run(&self, isa: Isa, data: &Data, scratch: &mut AttentionScratch) -> Results {
        let c = self.shape.channels();
        let (tq, tk) = (data.q.len() / c, data.k.len() / c);
        let (q, k, v) = (Rows::new(&data.q, tq, c), Rows::new(&data.k, tk, c), Rows::new(&data.v, tk, c));
        let dropout = self.dropout.map(|p| Dropped { p, keys: &data.keys });
        let mut r = Results {
            out: vec![f32::NAN; tq * c],
            dq: vec![f32::NAN; tq * c],
            dk: vec![0.5; tk * c],
            dv: vec![0.5; tk * c],
        };
        let mut log_sum = vec![f32::NAN; tq * self.shape.heads];
        let out = RowsMut::new(&mut r.out, tq, c);
        let (shape, q_offsets, kv_ranges) = (&self.shape, &data.q_offsets, &data.kv_ranges);
        attention(isa, shape, self.mask, q, q_offsets, k, v, kv_ranges, dropout, out, Some(&mut log_sum), scratch);
        attention_backward(
            isa,
            shape,
            self.mask,
            q,
            q_offsets,
            k,
            v,
            kv_ranges,
            dropout,
            Rows::new(&r.out, tq, c),
            &log_sum,
            Rows::new(&data.dout, tq, c),
            RowsMut::new(&mut r.dq, tq, c),
            RowsMut::new(&mut r.dk, tk, c),
            RowsMut::new(&mut r.dv, tk, c),
            scratch,
        );
        r
    }
}

/// A case's data in f64, for the oracle.
struct Wide {
    q: Vec<f64>,
    k: Vec<f64>,
    v: Vec<f64>,
    dout: Vec<f64>,
    dropped: Vec<f64>,
}

impl Wide {
    fn of(data: &Data) -> Wide {
        Wide {
            q: wide(&data.q),
            k: wide(&data.k),
            v: wide(&data.v),
            dout: wide(&data.dout),
            dropped: wide(&data.dropped),
        }
    }

    fn inputs<'a>(&'a self, case: &Case, data: &'a Data) -> Inputs<'a, f64> {
        Inputs {
            shape: case.shape,
            mask: case.mask,
            q: &self.q,
            q_offsets: &data.q_offsets,
            k: &self.k,
            v: &self.v,
            kv_ranges: &data.kv_ranges,
            dropped: &self.dropped,
        }
    }
}

impl Case {
    /// Relative error of a weight, in roundings of its own size: the score's absolute error, which the exponential makes relative, twice (it
    /// is also in the sum), the exponential's 2 ULP and the sum's.
    fn weight_roundings(&self, data: &Data) -> usize {
        let c = self.shape.head_dim;
        let scale = f64::from(self.shape.scale);
        let largest = |x: &[f32]| {
            x.chunks(c).map(|h| h.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt()).fold(0.0, f64::max)
        };
        let score = scale * largest(&data.q) * largest(&data.k);
        let longest = self.lengths.iter().map(|l| l.1).max().unwrap_or(0);
        2 * (score.ceil() as usize) * (2 * c + 8) + 16 + 2 * longest
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equals_its_oracle(case in cases()) {
        let data = case.data();
        let w = Wide::of(&data);
        let out = oracle::attention(&w.inputs(&case, &data));
        let g = oracle::attention_backward(&w.inputs(&case, &data), &w.dout);
        // The oracles over magnitudes bound the sums: scores stay as they are, everything that they weigh is made positive.
        let sizes = magnitude_sums(&case, &data, &w);
        let roundings = case.weight_roundings(&data);
        for isa in Isa::available() {
            let got = case.run(isa, &data, &mut AttentionScratch::default());
            let plus = |x: &[f64]| x.iter().map(|x| x + 0.5).collect::<Vec<_>>();
            assert_within(&format!("{isa:?} out"), &got.out, &out, &sizes.out, roundings);
            assert_within(&format!("{isa:?} dq"), &got.dq, &g.dq, &sizes.dq, 2 * roundings);
            assert_within(&format!("{isa:?} dk"), &got.dk, &plus(&g.dk), &plus(&sizes.dk), 2 * roundings);
            assert_within(&format!("{isa:?} dv"), &got.dv, &plus(&g.dv), &plus(&sizes.dv), 2 * roundings);
        }
    }

    #[test]
    fn a_sequence_has_the_same_bits_alone(case in cases()) {
        let data = case.data();
        let c = case.shape.channels();
        for isa in Isa::available() {
            // The scratch is left over from other sizes.
            let mut scratch = AttentionScratch::default();
            let batch = case.run(isa, &data, &mut scratch);
            for (s, &lengths) in case.lengths.iter().enumerate() {
                let (q, kv) = (data.q_offsets[s]..data.q_offsets[s + 1], data.kv_ranges[s].0..data.kv_ranges[s].1);
                let (q, kv) = (q.start * c..q.end * c, kv.start * c..kv.end * c);
                let alone = Case { lengths: vec![lengths], ..case.clone() };
                let own = Data {
                    q: data.q[q.clone()].to_vec(),
                    k: data.k[kv.clone()].to_vec(),
                    v: data.v[kv.clone()].to_vec(),
                    dout: data.dout[q.clone()].to_vec(),
                    q_offsets: vec![0, lengths.0],
                    kv_ranges: vec![(0, lengths.1)],
                    keys: vec![data.keys[s]],
                    dropped: Vec::new(),
                };
                let alone = alone.run(isa, &own, &mut scratch);
                prop_assert_eq!(&alone.out, &batch.out[q.clone()], "{:?} out", isa);
                prop_assert_eq!(&alone.dq, &batch.dq[q], "{:?} dq", isa);
                prop_assert_eq!(&alone.dk, &batch.dk[kv.clone()], "{:?} dk", isa);
                prop_assert_eq!(&alone.dv, &batch.dv[kv], "{:?} dv", isa);
            }
        }
    }

    #[test]
    fn steps_have_the_bits_of_the_causal_pass(
        heads in 1usize..4, head_dim in 8usize..50, len in prop_oneof![1usize..40, 60usize..140], seed: u64,
    ) {
        let shape = AttentionShape::new(heads * head_dim, heads);
        let case = Case { shape, mask: Mask::Causal, lengths: vec![(len, len)], dropout: None, seed };
        let (data, c) = (case.data(), shape.channels());
        let reversed = |x: &[f32]| x.chunks(c).rev().flatten().copied().collect::<Vec<_>>();
        let (k, v) = (reversed(&data.k), reversed(&data.v));
        for isa in Isa::available() {
            let mut scratch = AttentionScratch::default();
            let whole = case.run(isa, &data, &mut scratch).out;
            for t in 0..len {
                let history: Vec<u32> = (0..=t).map(|j| (len - 1 - j) as u32).collect();
                let mut out = vec![f32::NAN; c];
                let (q, k, v) = (&data.q[t * c..(t + 1) * c], Rows::new(&k, len, c), Rows::new(&v, len, c));
                attention_gather(isa, &shape, q, k, v, &history, &mut out, &mut scratch);
                prop_assert_eq!(&out, &whole[t * c..(t + 1) * c], "{:?} at {}", isa, t);
            }
        }
    }

    #[test]
    fn keys_in_panels_give_the_same_bits(
        heads in 1usize..6,
        head_dim in prop_oneof![Just(20usize), Just(40), 1usize..20, 60usize..70],
        lengths in prop::collection::vec((0usize..=FEW, prop_oneof![1usize..40, 60usize..70, 120usize..140]), 1..5),
        seed in any::<u64>(),
    ) {
        let shape = AttentionShape::new(heads * head_dim, heads);
        let case = Case { shape, mask: Mask::None, lengths, dropout: None, seed };
        let data = case.data();
        let c = shape.channels();
        let (tq, tk) = (data.q.len() / c, data.k.len() / c);
        let (q, k, v) = (Rows::new(&data.q, tq, c), Rows::new(&data.k, tk, c), Rows::new(&data.v, tk, c));
        let offsets = offsets(&case.lengths.iter().map(|l| l.1).collect::<Vec<_>>());
        let starts: Vec<usize> =
            (0..case.lengths.len()).map(|s| case.lengths[..s].iter().map(|l| key_panels(l.1)).sum()).collect();
        for isa in Isa::available() {
            let scratch = &mut AttentionScratch::default();
            let (mut want, mut got) = (vec![f32::NAN; tq * c], vec![f32::NAN; tq * c]);
            let out = RowsMut::new(&mut want, tq, c);
            attention(isa, &shape, Mask::None, q, &data.q_offsets, k, v, &data.kv_ranges, None, out, None, scratch);
            let mut panels = vec![f32::NAN; panel_values(case.lengths.iter().map(|l| key_panels(l.1)).sum(), c)];
            lay_out_keys(isa, k, &offsets, &mut panels);
            let keys = KeyPanels { data: &panels, starts: &starts };
            let out = RowsMut::new(&mut got, tq, c);
            attention_over_panels(isa, &shape, q, &data.q_offsets, keys, v, &data.kv_ranges, out, scratch);
            prop_assert!(got.iter().zip(&want).all(|(a, b)| a.to_bits() == b.to_bits()), "{:?}", isa);
        }
    }

    #[test]
    fn weights_equal_their_oracle(case in cases()) {
        let data = case.data();
        let w = Wide::of(&data);
        let want = oracle::attention_weights(&w.inputs(&case, &data));
        let c = case.shape.channels();
        let (q, k) = (Rows::new(&data.q, data.q.len() / c, c), Rows::new(&data.k, data.k.len() / c, c));
        for isa in Isa::available() {
            let got = attention_weights(isa, &case.shape, case.mask, q, &data.q_offsets, k, &data.kv_ranges);
            assert_within(&format!("{isa:?}"), &got, &want, &want, case.weight_roundings(&data));
        }
    }

    #[test]
    fn work_counts_the_pairs_that_are_seen(case in cases()) {
        let data = case.data();
        let before = work::multiply_adds();
        let c = case.shape.channels();
        let (tq, tk) = (data.q.len() / c, data.k.len() / c);
        let (q, k, v) = (Rows::new(&data.q, tq, c), Rows::new(&data.k, tk, c), Rows::new(&data.v, tk, c));
        let (out, log_sum) = (&mut vec![0.0; tq * c], &mut vec![0.0; tq * case.shape.heads]);
        let (shape, out) = (&case.shape, RowsMut::new(out, tq, c));
        let scratch = &mut AttentionScratch::default();
        attention(Isa::best(), shape, case.mask, q, &data.q_offsets, k, v, &data.kv_ranges, None, out, Some(log_sum), scratch);
        let pairs: usize = case.lengths.iter().map(|&(queries, keys)| {
            (0..queries).map(|i| if case.mask == Mask::None { keys } else { i + 1 + keys - queries }).sum::<usize>()
        }).sum();
        prop_assert_eq!(work::multiply_adds() - before, (2 * pairs * c) as u64);
    }
}

/// Sums of the magnitudes of what each result is summed from.
struct Magnitudes {
    out: Vec<f64>,
    dq: Vec<f64>,
    dk: Vec<f64>,
    dv: Vec<f64>,
}

fn magnitude_sums(case: &Case, data: &Data, w: &Wide) -> Magnitudes {
    let (heads, d, c) = (case.shape.heads, case.shape.head_dim, case.shape.channels());
    let scale = f64::from(case.shape.scale);
    let (k, v, q, dout) = (magnitudes(&data.k), magnitudes(&data.v), magnitudes(&data.q), magnitudes(&data.dout));
    let mut m = Magnitudes {
        out: oracle::attention(&Inputs { v: &v, ..w.inputs(case, data) }),
        dq: vec![0.0; q.len()],
        dk: vec![0.0; k.len()],
        dv: vec![0.0; v.len()],
    };
    let mut mask_at = 0;
    for (s, &(queries, keys)) in case.lengths.iter().enumerate() {
        for (h, i) in (0..heads).flat_map(|h| (0..queries).map(move |i| (h, i))) {
            let at = (data.q_offsets[s] + i) * c + h * d;
            let key = |j: usize| (data.kv_ranges[s].0 + j) * c + h * d;
            let seen = if case.mask == Mask::None { keys } else { i + 1 + keys - queries };
            let scores: Vec<f64> = (0..seen).map(|j| scale * dot(&w.q[at..at + d], &w.k[key(j)..key(j) + d])).collect();
            let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = scores.iter().map(|s| (s - most).exp()).sum();
            let delta = dot(&m.out[at..at + d], &dout[at..at + d]);
            for (j, score) in scores.iter().enumerate() {
                let a = (score - most).exp() / sum;
                let kept = if w.dropped.is_empty() { 1.0 } else { w.dropped[mask_at + (h * queries + i) * keys + j] };
                let ds = scale * a * (kept * dot(&dout[at..at + d], &v[key(j)..key(j) + d]) + delta);
                for x in 0..d {
                    m.dv[key(j) + x] += a * kept * dout[at + x];
                    m.dq[at + x] += ds * k[key(j) + x];
                    m.dk[key(j) + x] += ds * q[at + x];
                }
            }
        }
        mask_at += heads * queries * keys;
    }
    m
}

#[test]
fn rows_may_lie_apart() {
    let case = Case {
        shape: AttentionShape::new(60, 3),
        mask: Mask::Causal,
        lengths: vec![(5, 5), (9, 12)],
        dropout: None,
        seed: 4,
    };
    let data = case.data();
    let apart = |x: &[f32]| x.chunks(60).flat_map(|r| r.iter().copied().chain([f32::NAN; 5])).collect::<Vec<_>>();
    let (q, k, v) = (apart(&data.q), apart(&data.k), apart(&data.v));
    let (q, k, v) = (Rows::strided(&q, 14, 60, 65), Rows::strided(&k, 17, 60, 65), Rows::strided(&v, 17, 60, 65));
    for isa in Isa::available() {
        let scratch = &mut AttentionScratch::default();
        let want = case.run(isa, &data, scratch).out;
        let (mut out, mut log_sum) = (vec![9.0; 14 * 70], vec![0.0; 14 * 3]);
        let to = RowsMut::strided(&mut out, 14, 60, 70);
        let (q_offsets, ranges) = (&data.q_offsets, &data.kv_ranges);
        attention(isa, &case.shape, case.mask, q, q_offsets, k, v, ranges, None, to, Some(&mut log_sum), scratch);
        for (t, row) in out.chunks(70).enumerate() {
            assert_eq!(row[..60], want[t * 60..(t + 1) * 60], "{isa:?}");
            assert_eq!(row[60..], [9.0; 10], "{isa:?} writes beside its columns");
        }
    }
}

#[test]
fn gradients_may_lie_apart() {
    for (mask, lengths) in
        [(Mask::Causal, vec![(5, 5), (20, 70), (40, 40)]), (Mask::None, vec![(3, 9), (30, 70), (40, 17)])]
    {
        let case = Case { shape: AttentionShape::new(60, 3), mask, lengths, dropout: None, seed: 4 };
        let data = case.data();
        let apart = |x: &[f32]| x.chunks(60).flat_map(|r| r.iter().copied().chain([f32::NAN; 5])).collect::<Vec<_>>();
        let (tq, tk) = (data.q.len() / 60, data.k.len() / 60);
        for isa in Isa::available() {
            let scratch = &mut AttentionScratch::default();
            let want = case.run(isa, &data, scratch);
            let [q, dout, k, v] = [&data.q, &data.dout, &data.k, &data.v].map(|x| apart(x));
            let queries = |x| Rows::strided(x, tq, 60, 65);
            let keys = |x| Rows::strided(x, tk, 60, 65);
            let mut out = vec![0.0; tq * 65];
            let mut log_sum = vec![0.0; tq * 3];
            let (offsets, ranges) = (&data.q_offsets, &data.kv_ranges);
            let to = RowsMut::strided(&mut out, tq, 60, 65);
            let (q, k, v, dout) = (queries(&q), keys(&k), keys(&v), queries(&dout));
            attention(isa, &case.shape, mask, q, offsets, k, v, ranges, None, to, Some(&mut log_sum), scratch);
            let (mut dq, [mut dk, mut dv]) = (vec![9.0; tq * 70], [(); 2].map(|()| vec![0.5; tk * 70]));
            attention_backward(
                isa,
                &case.shape,
                mask,
                q,
                offsets,
                k,
                v,
                ranges,
                None,
                queries(&out),
                &log_sum,
                dout,
                RowsMut::strided(&mut dq, tq, 60, 70),
                RowsMut::strided(&mut dk, tk, 60, 70),
                RowsMut::strided(&mut dv, tk, 60, 70),
                scratch,
            );
            for (got, want, beside) in [(dq, &want.dq, 9.0), (dk, &want.dk, 0.5), (dv, &want.dv, 0.5)] {
                for (row, want) in got.chunks(70).zip(want.chunks(60)) {
                    assert_eq!(row[..60], *want, "{isa:?} {mask:?}");
                    assert_eq!(row[60..], [beside; 10], "{isa:?} {mask:?} writes beside its columns");
                }
            }
        }
    }
}

/// Dropout of nothing takes the body for dropout.
#[test]
fn every_body_gives_the_same_outputs() {
    for (mask, lengths) in [
        (Mask::None, vec![(1, 9), (4, 70), (9, 16), (16, 17), (17, 33), (30, 130), (36, 64), (50, 65)]),
        (Mask::Causal, vec![(1, 9), (2, 70), (9, 16), (16, 17), (17, 33), (30, 130), (36, 64), (50, 65), (70, 70)]),
    ] {
        for (heads, head_dim) in [(4, 20), (1, 7), (2, 64)] {
            let shape = AttentionShape::new(heads * head_dim, heads);
            let case = Case { shape, mask, lengths: lengths.clone(), dropout: None, seed: 9 };
            let data = case.data();
            let c = shape.channels();
            let (tq, tk) = (data.q.len() / c, data.k.len() / c);
            let (q, k, v) = (Rows::new(&data.q, tq, c), Rows::new(&data.k, tk, c), Rows::new(&data.v, tk, c));
            for isa in Isa::available() {
                let run = |dropout: Option<Dropped<'_>>| {
                    let (mut out, mut log_sum) = (vec![f32::NAN; tq * c], vec![f32::NAN; tq * heads]);
                    let (to, scratch) = (RowsMut::new(&mut out, tq, c), &mut AttentionScratch::default());
                    let (offsets, ranges, sums) = (&data.q_offsets, &data.kv_ranges, Some(&mut log_sum[..]));
                    attention(isa, &shape, mask, q, offsets, k, v, ranges, dropout, to, sums, scratch);
                    (out, log_sum)
                };
                let blocks = run(Some(Dropped { p: 0.0, keys: &data.keys }));
                assert_eq!(run(None), blocks, "{isa:?} {mask:?} {heads} x {head_dim}");
            }
        }
    }
}

#[test]
#[should_panic(expected = "ends early")]
fn a_stride_that_wraps_is_refused() {
    let (q, k) = (vec![0.0; 9 * 20], vec![0.0; 64]);
    let (q, k) = (Rows::new(&q, 9, 20), Rows { data: &k, rows: 8, cols: 20, stride: usize::MAX / 7 + 2 });
    let (mut out, scratch) = (vec![0.0; 9 * 20], &mut AttentionScratch::default());
    let to = RowsMut::new(&mut out, 9, 20);
    let shape = AttentionShape::new(20, 1);
    attention(Isa::best(), &shape, Mask::None, q, &[0, 9], k, k, &[(0, 8)], None, to, None, scratch);
}

#[test]
fn sequences_may_share_their_keys() {
    let shape = AttentionShape::new(40, 2);
    let (q, k, v) = (values(3 * 40, 1), values(7 * 40, 2), values(7 * 40, 3));
    for isa in Isa::available() {
        let run = |q_offsets: &[usize], ranges: &[(usize, usize)]| {
            let (mut out, mut log_sum) = (vec![0.0; 3 * 40], vec![0.0; 6]);
            let (q, k, v) = (Rows::new(&q, 3, 40), Rows::new(&k, 7, 40), Rows::new(&v, 7, 40));
            let (to, scratch) = (RowsMut::new(&mut out, 3, 40), &mut AttentionScratch::default());
            attention(isa, &shape, Mask::None, q, q_offsets, k, v, ranges, None, to, Some(&mut log_sum), scratch);
            out
        };
        assert_eq!(run(&[0, 3], &[(0, 7)]), run(&[0, 1, 1, 3], &[(0, 7), (0, 0), (0, 7)]), "{isa:?}");
    }
}

#[test]
fn the_oracles_adjoints_are_the_slopes_of_their_outputs() {
    for (mask, dropout) in [(Mask::None, None), (Mask::Causal, None), (Mask::Causal, Some(0.4))] {
        let shape = AttentionShape::new(6, 2);
        let case = Case { shape, mask, lengths: vec![(2, 4), (3, 3)], dropout, seed: 8 };
        let data = case.data();
        let w = Wide::of(&data);
        let at = |inputs: Inputs<'_, f64>| dot(&oracle::attention(&inputs), &w.dout);
        let g = oracle::attention_backward(&w.inputs(&case, &data), &w.dout);
        let slopes = [
            ("dq", g.dq, differences(&w.q, |q| at(Inputs { q, ..w.inputs(&case, &data) }))),
            ("dk", g.dk, differences(&w.k, |k| at(Inputs { k, ..w.inputs(&case, &data) }))),
            ("dv", g.dv, differences(&w.v, |v| at(Inputs { v, ..w.inputs(&case, &data) }))),
        ];
        for (what, got, want) in slopes {
            for (i, (got, want)) in got.iter().zip(&want).enumerate() {
                assert!((got - want).abs() < 1e-8, "{what}[{i}], {mask:?}: {got}, by differences {want}");
            }
        }
    }
}
