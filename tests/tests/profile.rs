//! Counted multiply-adds against what the kernels did, and against the original's.

use lsra_exec::macs::Kind;
use lsra_exec::probe::{Operation, Record};
use lsra_exec::{Directions, Eager, Macs, Packed, Probe};
use lsra_kernels::Isa;
use lsra_model::forward::begin;
use lsra_model::{Embeddings, Model, ModelConfig, Sequences, Tokens, decode, encode, presets, remember};
use lsra_tests::{golden, small};
use lsra_train::{PairBatch, pair_losses};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Multiply-adds by layer and by what can be told apart from outside: the operation, and the part of the layer that it is in.
type Ledger = BTreeMap<(String, &'static str), u64>;

fn watched(model: &Model, isa: Isa, run: impl FnOnce(&mut Probe<'_, Eager<'_>>)) -> Ledger {
    let weights = small::weights(model, 1);
    let packed = Packed::new(isa, model, &weights, Directions::Forward);
    let mut ledger = Ledger::new();
    let note = |record: &Record, _: Option<&_>| {
        if record.multiply_adds > 0 {
            *ledger.entry(place(record)).or_default() += record.multiply_adds;
        }
    };
    run(&mut Probe::new(Eager::new(isa, model, &weights, &packed), note));
    ledger
}

fn place(record: &Record) -> (String, &'static str) {
    let split = [".self_attn", ".encoder_attn", ".ffn"].iter().find_map(|s| Some((record.path.strip_suffix(s)?, *s)));
    let (layer, part) = split.unwrap_or((&record.path, ""));
    let what = match (part, record.operation) {
        ("", Operation::Loss) => return ("decoder".to_owned(), "output"),
        (".self_attn", Operation::Linear) => "lsra linear",
        (".self_attn", Operation::SelfAttention) => "self-attention",
        (".self_attn", Operation::LightConv | Operation::DynamicConv) => "taps",
        (".encoder_attn", Operation::Linear) => "cross linear",
        (".encoder_attn", Operation::CrossAttention) => "cross-attention",
        (".ffn", Operation::Linear) => "feed-forward",
        (_, other) => panic!("{other:?} in {} does multiply-adds", record.path),
    };
    (layer.to_owned(), what)
}

fn counted(macs: &Macs) -> Ledger {
    let mut ledger = Ledger::new();
    for part in macs.parts().iter().filter(|p| p.macs > 0) {
        let what = match part.kind {
            Kind::SelfAttentionLinear | Kind::ConvolutionLinear | Kind::TapsLinear => "lsra linear",
            Kind::SelfAttentionProducts => "self-attention",
            Kind::Taps => "taps",
            Kind::CrossAttentionLinear => "cross linear",
            Kind::CrossAttentionProducts => "cross-attention",
            Kind::FeedForward => "feed-forward",
            Kind::OutputProjection => "output",
            Kind::Embedding | Kind::Norm => panic!("{} does no multiply-adds", part.kind),
        };
        *ledger.entry((part.path.clone(), what)).or_default() += part.macs;
    }
    ledger
}

/// The decoder token by token, two hypotheses of the first sentence, reordered at every step.
fn decode_in_steps<E: lsra_model::Exec>(e: &mut E, model: &Model, batch: &PairBatch) {
    let encoded = encode(e, model, &batch.source);
    let memory = remember(e, model, &encoded, &batch.source.sequences);
    let mut past = begin(e, model, 2);
    for &id in &batch.target_input.ids[batch.target_input.sequences.range(0)] {
        decode(e, model, &Tokens::from_sequences(&[[id], [4]]), &memory, &[0, 0], Some(&mut past));
        past.history.reorder(&[1, 0]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_kernels_do_what_is_counted(config in small::configs(), batch in small::batches()) {
        let model = Model::new(&config).unwrap();
        let expected = counted(&Macs::of_pass(&model, &batch.source.sequences, &batch.target_input.sequences));
        for isa in Isa::available() {
            let found = watched(&model, isa, |e| drop(pair_losses(e, &model, &batch, 0.1)));
            prop_assert_eq!(&found, &expected, "{:?}", isa);
        }
    }

    #[test]
    fn steps_cost_what_is_counted(config in small::configs(), batch in small::batches()) {
        let model = Model::new(&config).unwrap();
        let mut macs = Macs::new(&model);
        decode_in_steps(&mut macs, &model, &batch);
        let found = watched(&model, Isa::best(), |e| decode_in_steps(e, &model, &batch));
        prop_assert_eq!(found, counted(&macs));
    }
}

/// The configuration that the original measured under this name.
fn original(name: &str) -> Option<ModelConfig> {
    let (preset, words) = match name {
        "iwslt14.de-en/embed160" => ("iwslt-160", None),
        "iwslt14.de-en/embed240" => ("iwslt-240", None),
        "iwslt14.de-en/embed320" => ("iwslt-320", None),
        "wmt14.en-fr/embed200" => ("wmt-200", None),
        "wmt14.en-fr/embed408" => ("wmt-408", None),
        "wmt14.en-fr/embed496" => ("wmt-496", None),
        "wmt16.en-de/embed200" => ("wmt-200", Some(32768)),
        "wmt16.en-de/embed408" => ("wmt-408", Some(32768)),
        "wmt16.en-de/embed496" => ("wmt-496", Some(32768)),
        "cnndm/embed496" => ("cnndm-496", None),
        "vanilla transformer base (wmt_en_de)" => ("transformer-base", Some(32768)),
        "vanilla transformer_iwslt_de_en" => {
            let base = presets::preset("transformer-base").unwrap().model;
            return Some(ModelConfig {
                feed_forward: 1024,
                embeddings: Embeddings::SharedDecoder,
                source_vocabulary: 8848,
                target_vocabulary: 6632,
                ..base
            });
        }
        // A language model has no encoder: it is none of these.
        _ => return None,
    };
    let mut config = presets::preset(preset).unwrap().model;
    if let Some(words) = words {
        (config.source_vocabulary, config.target_vocabulary) = (words, words);
    }
    Some(config)
}

#[test]
fn the_papers_rule_gives_what_the_original_measured() {
    let Some(folder) = golden::folder("misc") else { return };
    let all = golden::json(&folder.join("macs.json"));
    let mut compared = 0;
    for (name, measured) in all.as_object().unwrap() {
        let Some(config) = original(name) else { continue };
        let model = Model::new(&config).unwrap();
        let params = &measured["params"];
        assert_eq!(model.params.values() as u64, params["total"], "{name}: parameters");
        assert_eq!(model.params.values_by_paper_rule() as u64, params["paper_convention"], "{name}: parameters");
        for sentence in measured["macs"].as_array().unwrap() {
            let side = |key: &str| Sequences::from_lengths([sentence[key].as_u64().unwrap() as usize]);
            let macs = Macs::of_pass(&model, &side("source_len"), &side("target_len"));
            assert_eq!(macs.by_paper_rule(), sentence["paper_convention"], "{name} at {sentence}");
            let of_kind =
                |kind: Kind| macs.parts().iter().filter(|p| p.kind == kind).map(|p| p.macs_paper_rule).sum::<u64>();
            for (kind, key) in [
                (Kind::SelfAttentionLinear, "self_attn.linear"),
                (Kind::SelfAttentionProducts, "self_attn.matmul"),
                (Kind::ConvolutionLinear, "conv.linear12"),
                (Kind::TapsLinear, "conv.weight_linear"),
                (Kind::FeedForward, "ffn"),
                (Kind::CrossAttentionLinear, "cross_attn.linear"),
                (Kind::CrossAttentionProducts, "cross_attn.matmul"),
            ] {
                assert_eq!(of_kind(kind), sentence["by_kind"][key], "{name}: {key}");
            }
            let output = macs.parts().iter().find(|p| p.kind == Kind::OutputProjection).unwrap();
            assert_eq!(output.macs, sentence["by_kind"]["output_softmax"], "{name}: output");
            compared += 1;
        }
    }
    assert!(compared >= 20, "{compared} measurements");
}
