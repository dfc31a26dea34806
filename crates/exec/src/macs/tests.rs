//! Against counts measured on the original implementation.

use super::{Kind, Macs, Span};
use lsra_model::{Model, ModelConfig, Sequences, presets};

fn pass(config: &ModelConfig, source: usize, target: usize) -> Macs {
    let model = Model::new(config).unwrap();
    Macs::of_pass(&model, &Sequences::from_lengths([source]), &Sequences::from_lengths([target]))
}

fn preset(name: &str) -> ModelConfig {
    presets::preset(name).unwrap().model
}

fn of_kind(macs: &Macs, kind: Kind) -> (u64, u64) {
    let parts = macs.parts().iter().filter(|p| p.kind == kind);
    parts.fold((0, 0), |(paper, truly), p| (paper + p.macs_paper_rule, truly + p.macs))
}

#[test]
fn the_papers_rule_gives_the_originals_counts() {
    let expected = [
        ("iwslt-160", 30, 30, 54_144_000),
        ("iwslt-240", 30, 30, 119_232_000),
        ("iwslt-320", 30, 30, 209_664_000),
        ("wmt-200", 30, 30, 89_952_000),
        ("wmt-408", 30, 30, 359_170_560),
        ("wmt-496", 30, 30, 526_990_080),
        ("cnndm-496", 30, 60, 798_520_320),
        ("cnndm-496", 100, 60, 1_452_922_880),
        ("cnndm-496", 1000, 60, 12_464_718_080),
        ("transformer-base", 30, 30, 1_337_794_560),
        ("transformer-base", 30, 60, 2_020_515_840),
        ("transformer-base", 100, 60, 3_643_637_760),
        ("transformer-base", 1000, 60, 29_876_060_160),
    ];
    for (name, source, target, macs) in expected {
        assert_eq!(pass(&preset(name), source, target).by_paper_rule(), macs, "{name} at {source} by {target}");
    }
}

#[test]
fn small_transformers_cost_what_the_paper_gives_them() {
    let expected = [
        ("transformer-128", 867),
        ("transformer-256", 3386),
        ("transformer-320", 5265),
        ("transformer-128-ffn2", 631),
        ("transformer-192-ffn2", 1389),
        ("transformer-240-ffn2", 2151),
    ];
    for (name, tenths_of_a_million) in expected {
        let macs = pass(&preset(name), 30, 30).by_paper_rule();
        assert_eq!((macs + 50_000) / 100_000, tenths_of_a_million, "{name}: {macs}");
    }
}

#[test]
fn kinds_are_the_originals() {
    let light = pass(&preset("iwslt-160"), 30, 30);
    assert_eq!(of_kind(&light, Kind::SelfAttentionLinear).0, 9_216_000);
    assert_eq!(of_kind(&light, Kind::SelfAttentionProducts).0, 1_728_000);
    assert_eq!(of_kind(&light, Kind::ConvolutionLinear).0, 4_608_000);
    assert_eq!(of_kind(&light, Kind::FeedForward).0, 18_432_000);
    assert_eq!(of_kind(&light, Kind::CrossAttentionLinear).0, 18_432_000);
    assert_eq!(of_kind(&light, Kind::CrossAttentionProducts).0, 1_728_000);
    assert_eq!(of_kind(&light, Kind::OutputProjection), (0, 31_833_600));
    let dynamic = pass(&preset("wmt-200"), 30, 30);
    assert_eq!(of_kind(&dynamic, Kind::ConvolutionLinear).0, 10_800_000);
    assert_eq!(of_kind(&dynamic, Kind::TapsLinear).0, 2_832_000);
    assert_eq!(of_kind(&dynamic, Kind::OutputProjection), (0, 267_072_000));
}

/// By the definition: a pair a query may see, a tap that reads a token.
#[test]
fn spans_count_what_is_inside() {
    for (first, end) in [(0, 1), (0, 7), (3, 9), (8, 9)] {
        let span = Span { first, end };
        let causal = (first..end).flat_map(|t| (0..end).filter(move |&j| j <= t)).count();
        assert_eq!(span.causal_pairs(), causal);
        assert_eq!(span.pairs(), (end - first) * end);
        for kernel in 1..20 {
            for left in [kernel / 2, kernel - 1] {
                let reads = |t: usize| (0..kernel).filter(|k| (left..end + left).contains(&(t + k))).count();
                assert_eq!(span.taps(kernel, left), (first..end).map(reads).sum::<usize>(), "{kernel} {left}");
            }
        }
    }
}

#[test]
fn the_true_count_halves_causal_attention_and_adds_taps_and_words() {
    let config = preset("iwslt-160");
    let (t, half) = (30, 80);
    let macs = pass(&config, t, t);
    let encoder = 2 * half * t * t;
    let decoder = 2 * half * t * (t + 1) / 2;
    assert_eq!(of_kind(&macs, Kind::SelfAttentionProducts).1, 6 * (encoder + decoder) as u64);
    let inside = |kernel: usize, left: usize| Span { first: 0, end: t }.taps(kernel, left);
    let taps: usize = [3, 7, 15, 31, 31, 31].into_iter().map(|k| inside(k, k / 2) + inside(k, k - 1)).sum();
    assert_eq!(of_kind(&macs, Kind::Taps), (0, (half * taps) as u64));
    let products = of_kind(&macs, Kind::SelfAttentionProducts);
    let extra = (half * taps) as u64 + 31_833_600;
    assert_eq!(macs.total(), macs.by_paper_rule() - (products.0 - products.1) + extra);
}

#[test]
fn parts_hold_every_parameter_once() {
    for (name, _) in presets::ALL {
        let model = Model::new(&preset(name)).unwrap();
        let parts: usize = Macs::new(&model).parts().iter().map(|p| p.params).sum();
        assert_eq!(parts, model.params.values(), "{name}");
    }
}
