//! What translations looked at: weights are those that attention used, whatever is asked for together.

use lsra_exec::probe::Operation;
use lsra_exec::{Directions, Eager, Packed, Probe, Weights};
use lsra_infer::{GeneratorConfig, Translator, alignment_layer};
use lsra_kernels::Isa;
use lsra_kernels::gemm::Precision;
use lsra_model::{Model, Tokens, decode, encode, presets, remember};

const EOS: u32 = 2;

/// Three layers a side; attention to the source with so many heads of 32 channels in all.
fn model(heads: usize) -> Model {
    let mut config = presets::preset("iwslt-160").unwrap().model;
    (config.channels, config.attention_channels, config.convolution_channels) = (32, 16, 16);
    (config.feed_forward, config.max_positions) = (48, 64);
    (config.encoder_layers, config.decoder_layers) = (3, 3);
    (config.encoder_kernels, config.decoder_kernels) = (vec![3, 7, 7], vec![3, 7, 7]);
    (config.source_vocabulary, config.target_vocabulary) = (101, 101);
    config.cross_attention_heads = heads;
    Model::new(&config).unwrap()
}

fn sentences(seed: u32) -> Vec<Vec<u32>> {
    (0..9).map(|s| (0..s * 3).map(|i| 4 + (seed + s * 31 + i * 17) % 97).chain([EOS]).collect()).collect()
}

#[test]
fn weights_of_one_head_times_values_are_what_attention_gave() {
    let model = model(1);
    let weights = Weights::init(&model.params, 11);
    let layer = alignment_layer(&model);
    assert_eq!(layer, 2, "the last");
    let (sources, targets) = (sentences(1), sentences(5));
    let translator = Translator::new(Isa::best(), &model, &weights, Precision::F32);
    let found = translator.attention(layer, &sources, &targets, 1);
    for ((source, target), attention) in sources.iter().zip(&targets).zip(&found) {
        // Values and the results of attention, as they pass by.
        let packed = Packed::new(Isa::best(), &model, &weights, Directions::Forward);
        let (mut linears, mut attended) = (Vec::new(), Vec::new());
        let e = Eager::new(Isa::best(), &model, &weights, &packed);
        let mut probe = Probe::new(e, |record, value| {
            if record.path == "decoder.layers.2.encoder_attn" {
                let to = if record.operation == Operation::CrossAttention { &mut attended } else { &mut linears };
                to.extend(value.cloned());
            }
        });
        let input: Vec<u32> = [&[EOS], &target[..target.len() - 1]].concat();
        let (from, to) = (Tokens::from_sequences(&[&source[..]]), Tokens::from_sequences(&[&input[..]]));
        let encoded = encode(&mut probe, &model, &from);
        let memory = remember(&mut probe, &model, &encoded, &from.sequences);
        decode(&mut probe, &model, &to, &memory, &[0], None);
        drop(probe);

        assert_eq!(attention.steps(), target.len());
        for step in 0..target.len() {
            let weights = attention.step(step);
            assert_eq!(weights.len(), source.len());
            let sum: f64 = weights.iter().map(|&w| f64::from(w)).sum();
            // A rounding for each weight, of the exponential, the quotient and the sum.
            let rounding = 4.0 * f64::from(f32::EPSILON) * source.len() as f64;
            assert!((sum - 1.0).abs() <= rounding, "{sum}");
            for (c, &y) in attended[0].row(step).iter().enumerate() {
                let terms = || weights.iter().enumerate().map(|(k, &w)| f64::from(w) * f64::from(linears[1].row(k)[c]));
                let (expected, size): (f64, f64) = (terms().sum(), terms().map(f64::abs).sum());
                // Scores are sums of 32 products: their roundings are relative errors of weights.
                let tolerance = 64.0 * f64::from(f32::EPSILON) * size;
                assert!((f64::from(y) - expected).abs() <= tolerance, "{y} and {expected}, not within {tolerance:e}");
            }
        }
    }
}

#[test]
fn weights_are_the_same_bits_alone_and_together_and_leave_the_search_alone() {
    let model = model(4);
    let weights = Weights::init(&model.params, 3);
    let config = GeneratorConfig { beam: 3, max_len_b: 20, ..GeneratorConfig::default() };
    let sources = sentences(2);
    for isa in Isa::available() {
        let translator = Translator::new(isa, &model, &weights, Precision::F32);
        let before = translator.translate(&sources, &config, 2);
        let targets: Vec<Vec<u32>> = before.iter().map(|h| h[0].tokens.clone()).collect();
        for layer in 0..3 {
            let together = translator.attention(layer, &sources, &targets, 2);
            for (i, of_one) in together.iter().enumerate() {
                let alone = translator.attention(layer, &sources[i..=i], &targets[i..=i], 1);
                assert_eq!(&alone[0], of_one, "{isa:?}, layer {layer}");
            }
        }
        assert_eq!(translator.translate(&sources, &config, 1), before);
    }
}
