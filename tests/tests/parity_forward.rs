//! Whole models in f32: every layer's output, logits, attention weights and losses, against the original implementation.

use lsra_exec::probe::Operation;
use lsra_exec::{Directions, Eager, Packed, Probe, Weights, weights_from_safetensors};
use lsra_kernels::attention::{AttentionShape, Mask, attention_weights};
use lsra_kernels::{Isa, Rows};
use lsra_model::{Model, Tokens, decode, encode, remember};
use lsra_tensor::Tensor;
use lsra_tests::golden::{self, Golden};
use lsra_train::{LossSums, PairBatch, pair_losses};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// `<pad>`, `</s>`.
const PAD: u32 = 1;
const END: u32 = 2;
/// What the reference states of f32.
const ACTIVATIONS: f32 = 1e-5;
const LOGITS: f32 = 5e-5;
const LOSS: f64 = 1e-6;
const SMOOTHING: f32 = 0.1;

/// A model and its weights.
fn load(folder: &Path) -> (Model, Weights) {
    let model = golden::model(folder);
    let path = folder.join("model.safetensors");
    let weights = weights_from_safetensors(&path, &model.params, &std::fs::read(&path).unwrap()).unwrap();
    (model, weights)
}

/// Rows of a `[batch, time]` tensor of ids, without padding.
fn sentences(golden: &Golden, name: &str) -> Vec<Vec<u32>> {
    let width = golden.shape(name)[1];
    golden.ids(name).chunks(width).map(|row| row.iter().copied().filter(|&id| id != PAD).collect()).collect()
}

/// A target as the decoder reads it: shifted right.
fn shifted(target: &[u32]) -> Vec<u32> {
    [&[END], &target[..target.len() - 1]].concat()
}

fn pairs(sources: &[Vec<u32>], targets: &[Vec<u32>]) -> PairBatch {
    let inputs: Vec<Vec<u32>> = targets.iter().map(|t| shifted(t)).collect();
    PairBatch {
        source: Tokens::from_sequences(sources),
        target_input: Tokens::from_sequences(&inputs),
        target_output: targets.concat(),
    }
}

/// The values of a pass by the part of the model that made them.
#[derive(Default)]
struct Seen(BTreeMap<(String, Operation), Vec<Tensor>>);

impl Seen {
    fn last(&self, path: &str, operation: Operation) -> &Tensor {
        let all = self.0.get(&(path.to_owned(), operation)).unwrap_or_else(|| panic!("{operation:?} in {path}"));
        all.last().unwrap()
    }
}

/// Runs the encoder and the decoder, watched. Returns what came by, the keys of the last decoder layer, and the logits.
fn watch(isa: Isa, model: &Model, weights: &Weights, batch: &PairBatch) -> (Seen, Tensor, Tensor) {
    let packed = Packed::new(isa, model, weights, Directions::Forward);
    let mut seen = Seen::default();
    let mut e = Probe::new(Eager::new(isa, model, weights, &packed), |record, value: Option<&Tensor>| {
        let key = (record.path.clone(), record.operation);
        seen.0.entry(key).or_default().extend(value.map(Tensor::to_owned_copy));
    });
    let encoded = encode(&mut e, model, &batch.source);
    let memory = remember(&mut e, model, &encoded, &batch.source.sequences);
    let owners: Vec<usize> = (0..batch.target_input.sequences.len()).collect();
    let x = decode(&mut e, model, &batch.target_input, &memory, &owners, None);
    let logits = e.into_inner().logits(&x, &model.decoder.output);
    // Of a layer's attention to the source, keys come before all else.
    let last = format!("{}.encoder_attn", model.decoder.layers.last().unwrap().path);
    let keys = seen.0[&(last, Operation::Linear)][0].clone();
    (seen, keys, logits)
}

/// Sentence after sentence from `[time, batch, channels]`.
fn by_sentence(golden: &Golden, name: &str) -> Vec<f32> {
    let shape = golden.shape(name);
    let [time, batch, channels] = shape[..] else { panic!("{name} is {shape:?}") };
    let values = golden.values(name);
    let row = |(b, t): (usize, usize)| &values[(t * batch + b) * channels..][..channels];
    (0..batch).flat_map(|b| (0..time).map(move |t| (b, t))).flat_map(row).copied().collect()
}

/// Rows of a `[batch, time, ...]` tensor where a target stands.
fn where_targets(values: &[f32], targets: &[u32]) -> Vec<f32> {
    let columns = values.len() / targets.len();
    let rows = values.chunks(columns).zip(targets).filter(|(_, target)| **target != PAD);
    rows.flat_map(|(row, _)| row.to_vec()).collect()
}

/// Sentences of one source length, so that nothing is padded on that side: every activation.
#[test]
fn every_layer_of_a_batch_without_padding() {
    let Some(folder) = golden::folder("mt_light_embed160") else { return };
    let (model, weights) = load(&folder);
    let expected = Golden::open(&folder.join("batch0.safetensors"));
    let batch = pairs(&sentences(&expected, "src_tokens"), &sentences(&expected, "target"));
    assert_eq!(batch.target_input.ids, sentences(&expected, "prev_output_tokens").concat(), "targets shifted right");
    let padded_targets = expected.ids("target");
    let at_targets = |name: &str| {
        let shape = expected.shape(name);
        // [time, batch, channels] or [batch, time, ...]
        let values = if name.starts_with("decoder_embed") || name.starts_with("decoder_layer") {
            by_sentence(&expected, name)
        } else {
            expected.values(name)
        };
        assert_eq!(values.len(), shape.iter().product::<usize>());
        where_targets(&values, &padded_targets)
    };
    for isa in Isa::available() {
        let (seen, keys, logits) = watch(isa, &model, &weights, &batch);
        let close = |found: &Tensor, expected: Vec<f32>, tolerance: f32, name: &str| {
            golden::assert_close(&found.to_vec(), &expected, tolerance, &format!("{isa:?}, {name}"));
        };
        close(seen.last("encoder", Operation::Embed), by_sentence(&expected, "encoder_embed"), ACTIVATIONS, "encoder");
        close(seen.last("decoder", Operation::Embed), at_targets("decoder_embed"), ACTIVATIONS, "decoder");
        for i in 0..model.encoder.layers.len() {
            let path = format!("encoder.layers.{i}.ffn");
            let name = if i + 1 < model.encoder.layers.len() { &format!("encoder_layer_{i}") } else { "encoder_out" };
            close(seen.last(&path, Operation::AddNorm), by_sentence(&expected, name), ACTIVATIONS, name);
        }
        for i in 0..model.decoder.layers.len() {
            let path = format!("decoder.layers.{i}.ffn");
            let name = format!("decoder_layer_{i}");
            close(seen.last(&path, Operation::AddNorm), at_targets(&name), ACTIVATIONS, &name);
        }
        close(&logits, at_targets("logits"), LOGITS, "logits");
        assert_attention(isa, &model, &batch, (&seen, &keys), &at_targets("decoder_attn"));
    }
}

/// The weights of the last decoder layer's attention to the source, mean over heads: all sources are of one length.
fn assert_attention(isa: Isa, model: &Model, batch: &PairBatch, (seen, keys): (&Seen, &Tensor), expected: &[f32]) {
    let layer = model.decoder.layers.last().unwrap();
    let (shape, path) = (&layer.cross, format!("{}.encoder_attn", layer.path));
    let shape = AttentionShape { heads: shape.heads, head_dim: shape.head_channels(), scale: shape.scale() };
    // In the decoder's pass queries are the first of two products there; keys and values were computed before it.
    let products = &seen.0[&(path, Operation::Linear)];
    let queries = &products[products.len() - 2];
    let rows = |t| Rows::new(Tensor::data(t), t.rows(), t.columns());
    let ranges: Vec<(usize, usize)> = batch.source.sequences.offsets().windows(2).map(|w| (w[0], w[1])).collect();
    let offsets = batch.target_input.sequences.offsets();
    let found = attention_weights(isa, &shape, Mask::None, rows(queries), offsets, rows(keys), &ranges);
    golden::assert_close(&found, expected, ACTIVATIONS, &format!("{isa:?}, decoder_attn"));
}

#[test]
fn log_probabilities_and_losses_of_that_batch() {
    let Some(folder) = golden::folder("mt_light_embed160") else { return };
    let (model, weights) = load(&folder);
    let golden = Golden::open(&folder.join("batch0.safetensors"));
    let batch = pairs(&sentences(&golden, "src_tokens"), &sentences(&golden, "target"));
    let log_probs = where_targets(&golden.values("lprobs"), &golden.ids("target"));
    let losses = &golden::json(&folder.join("losses.json"))["batches"][0];
    for isa in Isa::available() {
        let packed = Packed::new(isa, &model, &weights, Directions::Forward);
        let mut e = Eager::new(isa, &model, &weights, &packed);
        assert_losses(&pair_losses(&mut e, &model, &batch, SMOOTHING), losses, &format!("{isa:?}, batch0"));

        let encoded = encode(&mut e, &model, &batch.source);
        let memory = remember(&mut e, &model, &encoded, &batch.source.sequences);
        let owners: Vec<usize> = (0..batch.target_input.sequences.len()).collect();
        let x = decode(&mut e, &model, &batch.target_input, &memory, &owners, None);
        let found = e.log_probs(&x, &model.decoder.output);
        golden::assert_close(&found.to_vec(), &log_probs, LOGITS, &format!("{isa:?}, lprobs"));
    }
}

fn assert_losses(found: &lsra_model::Losses, expected: &Value, what: &str) {
    let sums = LossSums::of(found);
    assert_eq!(sums.tokens as u64, expected["ntokens"].as_u64().unwrap(), "{what}: target tokens");
    golden::assert_relative(sums.smoothed, expected["loss_sum"].as_f64().unwrap(), LOSS, &format!("{what}: loss"));
    golden::assert_relative(sums.nll, expected["nll_sum"].as_f64().unwrap(), LOSS, &format!("{what}: likelihood"));
}

/// Sentences of every length that the original ran one by one, here as one ragged batch.
#[test]
fn sentences_that_the_original_ran_alone() {
    let Some(folder) = golden::folder("mt_light_embed160") else { return };
    let (model, weights) = load(&folder);
    let expected = Golden::open(&folder.join("alone.safetensors"));
    let losses = golden::json(&folder.join("alone.json"))["losses"].take();
    let per_sentence = losses["per_sentence"].as_array().unwrap();
    let ids = |name: &str| -> Vec<Vec<u32>> {
        (0..per_sentence.len()).map(|i| expected.ids(&format!("{i}/{name}"))).collect()
    };
    let (sources, targets) = (ids("src_tokens"), ids("target"));
    let batch = pairs(&sources, &targets);
    for isa in Isa::available() {
        let (seen, _, logits) = watch(isa, &model, &weights, &batch);
        let last = format!("encoder.layers.{}.ffn", model.encoder.layers.len() - 1);
        let encoded = seen.last(&last, Operation::AddNorm);
        let packed = Packed::new(isa, &model, &weights, Directions::Forward);
        let mut e = Eager::new(isa, &model, &weights, &packed);
        assert_losses(&pair_losses(&mut e, &model, &batch, SMOOTHING), &losses, &format!("{isa:?}, all"));
        for (i, expected_losses) in per_sentence.iter().enumerate() {
            let what = |name: &str| format!("{isa:?}, sentence {i}: {name}");
            let close = |found: Tensor, name: &str, tolerance: f32| {
                let expected = expected.values(&format!("{i}/{name}"));
                golden::assert_close(&found.to_vec(), &expected, tolerance, &what(name));
            };
            close(encoded.row_range(batch.source.sequences.range(i)), "encoder_out", ACTIVATIONS);
            close(logits.row_range(batch.target_input.sequences.range(i)), "logits", LOGITS);
            let one = pairs(&sources[i..=i], &targets[i..=i]);
            assert_losses(&pair_losses(&mut e, &model, &one, SMOOTHING), expected_losses, &what("losses"));
        }
    }
}

/// Logits of a trained model, for the sentence that needed no padding in its batch.
#[test]
fn a_trained_models_logits() {
    let folder = golden::folder("pt_light").expect("a copy lies in tests/golden").join("expected");
    let path = folder.join("model.safetensors");
    let tensors = Golden::open(&path);
    let mut options = golden::json(&folder.join("args.json"));
    options["src_vocab"] = tensors.shape("encoder.embed_tokens.weight")[0].into();
    options["tgt_vocab"] = tensors.shape("decoder.embed_tokens.weight")[0].into();
    let model = Model::new(&golden::config(&options)).unwrap();
    let weights = weights_from_safetensors(&path, &model.params, &std::fs::read(&path).unwrap()).unwrap();

    let expected = Golden::open(&folder.join("logits.safetensors"));
    let width = expected.shape("src_tokens")[1];
    let (sources, targets) = (sentences(&expected, "src_tokens"), sentences(&expected, "target"));
    let whole: Vec<usize> = (0..sources.len()).filter(|&i| sources[i].len() == width).collect();
    assert!(!whole.is_empty(), "the longest source needs no padding");
    let of_one = expected.values("logits").len() / sources.len();
    let batch = pairs(&sources, &targets);
    for isa in Isa::available() {
        let (_, _, logits) = watch(isa, &model, &weights, &batch);
        for &i in &whole {
            let found = logits.row_range(batch.target_input.sequences.range(i)).to_vec();
            let padded = &expected.values("logits")[i * of_one..][..of_one];
            golden::assert_close(&found, &padded[..found.len()], LOGITS, &format!("{isa:?}, sentence {i}"));
        }
    }
}
