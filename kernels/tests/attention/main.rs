//! Attention against its oracle, on every tier that this CPU has.

mod bodies;
mod case;
#[path = "../common/mod.rs"]
mod common;
mod layout;

use case::{Case, Data, Wide, cases};
use common::{assert_within, differences, dot, magnitudes, offsets};
use lsra_kernels::attention::{
    AttentionScratch, AttentionShape, FEW, KeyPanels, Mask, attention, attention_gather, attention_over_panels,
    attention_weights, key_panels, lay_out_keys, panel_values,
};
use lsra_kernels::reference::attention::{self as oracle, Inputs};
use lsra_kernels::{Isa, Rows, RowsMut, work};
use proptest::prelude::*;

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
