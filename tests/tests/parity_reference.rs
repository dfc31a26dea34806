//! The f64 executor against the original implementation, itself run in f64 where it says so.

use lsra_exec::{Reference, weights_from_safetensors};
use lsra_model::{Model, Sequences, decode, encode, remember};
use lsra_tests::golden::{self, Golden};
use lsra_tests::small;
use lsra_train::{PairBatch, pair_losses};
use serde_json::Value;
use std::path::Path;

/// Constants that the original holds in f64 (label smoothing, the scales of embeddings and queries, eps) are f32 here: rounded by
/// 6e-8 of themselves at most, of which the losses see a part.
const ROUNDED_CONSTANTS: f64 = 2e-8;

/// A model, sentences that the original ran one by one, here as one ragged batch, and what it found.
struct Alone {
    model: Model,
    reference: Reference,
    batch: PairBatch,
    found: Golden,
    losses: Value,
}

impl Alone {
    fn open(folder: &Path) -> Alone {
        let model = golden::model(folder);
        let path = folder.join("model.safetensors");
        let weights = weights_from_safetensors(&path, &model.params, &std::fs::read(&path).unwrap()).unwrap();
        let losses = golden::json(&folder.join("alone.json"))["losses"].take();
        let found = Golden::open(&folder.join("alone.safetensors"));
        let words = |name: String| {
            let mut ids = found.ids(&name);
            ids.pop();
            ids
        };
        let count = losses["per_sentence"].as_array().unwrap().len();
        let pairs: Vec<_> =
            (0..count).map(|i| (words(format!("{i}/src_tokens")), words(format!("{i}/target")))).collect();
        Alone { reference: Reference::new(&model, &weights), model, batch: small::batch(&pairs), found, losses }
    }

    /// f64 rows against what the original found for each sentence in f32.
    fn compare(&self, rows: &[f64], sequences: &Sequences, columns: usize, name: &str, tolerance: f32) {
        for i in 0..sequences.len() {
            let range = sequences.range(i);
            let rows = &rows[range.start * columns..range.end * columns];
            let rounded: Vec<f32> = rows.iter().map(|&x| x as f32).collect();
            let name = format!("{i}/{name}");
            golden::assert_close(&rounded, &self.found.values(&name), tolerance, &name);
        }
    }
}

#[test]
fn losses_are_the_originals_in_f64() {
    let Some(folder) = golden::folder("mt_light_embed160") else { return };
    let Alone { model, mut reference, batch, losses: expected, .. } = Alone::open(&folder);
    pair_losses(&mut reference, &model, &batch, 0.1);
    let losses = reference.losses();
    for (found, key) in [(&losses.smoothed, "loss_sum_f64"), (&losses.nll, "nll_sum_f64")] {
        golden::assert_relative(found.iter().sum(), expected[key].as_f64().unwrap(), ROUNDED_CONSTANTS, key);
    }
}

#[test]
fn the_encoders_output_and_logits_are_the_originals() {
    let Some(folder) = golden::folder("mt_light_embed160") else { return };
    let mut alone = Alone::open(&folder);
    let Alone { model, reference: e, batch, .. } = &mut alone;
    let (sources, targets) = (&batch.source.sequences, &batch.target_input.sequences);
    let encoded = encode(e, model, &batch.source);
    let memory = remember(e, model, &encoded, sources);
    let owners: Vec<usize> = (0..targets.len()).collect();
    let x = decode(e, model, &batch.target_input, &memory, &owners, None);
    let logits = e.logits(&x, &model.decoder.output);
    alone.compare(&encoded.data, &alone.batch.source.sequences, encoded.columns, "encoder_out", 1e-5);
    alone.compare(&logits.data, &alone.batch.target_input.sequences, logits.columns, "logits", 5e-5);
}
