//! Models with random weights, and sentences of random words.

use crate::kernels::data::values;
use lsra_exec::Weights;
use lsra_model::{Model, ModelConfig, presets};
use lsra_text::Corpus;
use lsra_train::TrainingConfig;

/// The first word that is not one of the four special ones.
const FIRST_WORD: u32 = 4;

/// A preset's model.
pub fn config(preset: &str) -> ModelConfig {
    presets::preset(preset).expect("a preset").model
}

/// How a preset is trained.
pub fn training(preset: &str) -> TrainingConfig {
    presets::preset(preset).expect("a preset").training.try_into().expect("a preset's training")
}

/// A model and weights as training begins with.
pub fn with_weights(config: &ModelConfig) -> (Model, Weights) {
    let model = Model::new(config).expect("a preset is a model");
    let weights = Weights::init(&model.params, 1);
    (model, weights)
}

/// `n` sentences of `length` words, `</s>` among them.
pub fn sentences(n: usize, length: usize, words: usize, seed: u32) -> Vec<Vec<u32>> {
    let others = (words as u32 - FIRST_WORD) as f32;
    let word = |x: &f32| FIRST_WORD + ((x + 1.0) / 2.0 * others) as u32;
    let drawn = values(n * length, seed);
    drawn.chunks(length).map(|s| s[1..].iter().map(word).chain([lsra_text::EOS]).collect()).collect()
}

/// Pairs of sentences of one length.
pub fn pairs(config: &ModelConfig, n: usize, length: usize) -> Corpus {
    Corpus {
        source: sentences(n, length, config.source_vocabulary, 1),
        target: sentences(n, length, config.target_vocabulary, 2),
    }
}
