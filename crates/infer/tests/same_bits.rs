//! A sentence's translations and scores are the same bits alone and in any batch, at any number of threads, on every tier.

use lsra_exec::Weights;
use lsra_infer::{GeneratorConfig, Hypothesis, Translator};
use lsra_kernels::Isa;
use lsra_kernels::gemm::Precision;
use lsra_model::config::ConvolutionKind;
use lsra_model::{Embeddings, Model, presets};
use proptest::prelude::*;

const EOS: u32 = 2;

/// A small model: lightweight, or dynamic with GLU and one matrix for all embeddings.
fn model(kind: ConvolutionKind) -> Model {
    let mut config = presets::preset("iwslt-160").unwrap().model;
    (config.channels, config.attention_channels, config.convolution_channels) = (32, 16, 16);
    (config.feed_forward, config.max_positions) = (48, 64);
    (config.encoder_layers, config.decoder_layers) = (2, 2);
    (config.encoder_kernels, config.decoder_kernels) = (vec![3, 7], vec![3, 7]);
    (config.source_vocabulary, config.target_vocabulary) = (101, 101);
    (config.convolution, config.glu) = (kind, kind == ConvolutionKind::Dynamic);
    if config.glu {
        config.embeddings = Embeddings::AllShared;
    }
    Model::new(&config).unwrap()
}

fn bits(hypotheses: &[Hypothesis]) -> Vec<(Vec<u32>, u32, Vec<u32>)> {
    let of = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect();
    hypotheses.iter().map(|h| (h.tokens.clone(), h.score.to_bits(), of(&h.log_probs))).collect()
}

fn sentences(count: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<Vec<u32>>> {
    let ended = |mut ids: Vec<u32>| {
        ids.push(EOS);
        ids
    };
    prop::collection::vec(prop::collection::vec(3u32..101, 0..40).prop_map(ended), count)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn alone_and_among_others(
        sources in sentences(3..=41),
        seed: u64,
        threads in 1usize..4,
        kind in prop_oneof![Just(ConvolutionKind::Lightweight), Just(ConvolutionKind::Dynamic)],
        precision in prop::sample::select(&Precision::ALL[..]),
    ) {
        let model = model(kind);
        let weights = Weights::init(&model.params, seed);
        let config = GeneratorConfig { beam: 3, max_len_a: 1.0, max_len_b: 5, ..GeneratorConfig::default() };
        for isa in Isa::available() {
            let translator = Translator::new(isa, &model, &weights, precision);
            let together = translator.translate(&sources, &config, threads);
            for (source, hypotheses) in sources.iter().zip(&together).take(4) {
                let alone = translator.translate(std::slice::from_ref(source), &config, 1);
                prop_assert_eq!(bits(&alone[0]), bits(hypotheses), "{:?}", isa);
            }

            // Scoring is one pass over whole sequences; the search went step by step.
            let targets: Vec<Vec<u32>> = together.iter().map(|h| h[0].tokens.clone()).collect();
            let scored = translator.log_probs(&sources, &targets, threads);
            for (log_probs, hypotheses) in scored.iter().zip(&together) {
                let of = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                prop_assert_eq!(of(log_probs), of(&hypotheses[0].log_probs), "{:?}", isa);
            }
        }
    }
}

#[test]
fn probabilities_sum_to_one() {
    let model = model(ConvolutionKind::Lightweight);
    let weights = Weights::init(&model.params, 3);
    let translator = Translator::new(Isa::best(), &model, &weights, Precision::F32);
    let words = 101u32;
    let targets: Vec<Vec<u32>> = (0..words).map(|w| vec![7, w]).collect();
    let sources = vec![vec![5, 6, EOS]; targets.len()];
    let found = translator.log_probs(&sources, &targets, 2);
    let sum: f64 = found.iter().map(|p| f64::from(p[1]).exp()).sum();
    // Each log-probability is off by a few roundings of a number of the size of ln(words).
    let tolerance = 4.0 * f64::from(f32::EPSILON) * f64::from(words).ln();
    assert!((sum - 1.0).abs() < tolerance, "{sum} is off by {:e}, not {tolerance:e}", (sum - 1.0).abs());
}
