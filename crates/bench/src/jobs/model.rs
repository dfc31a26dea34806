//! Models with random weights, and sentences of random words.

use lsra_exec::Weights;
use lsra_model::{Model, ModelConfig, presets};
use lsra_text::Corpus;
use lsra_train::TrainingConfig;

/// Words of IWSLT'14 German to English as the peers have them: source, target.
pub const VOCABULARIES: [usize; 2] = [8848, 6632];
/// The first word that is not one of the four special ones.
const FIRST_WORD: u32 = 4;

/// A preset with those vocabularies unless its two are one, in which case it keeps its own.
pub fn config(preset: &str) -> ModelConfig {
    let mut config = presets::preset(preset).expect("a preset").model;
    if config.source_vocabulary != config.target_vocabulary || preset.starts_with("iwslt") {
        [config.source_vocabulary, config.target_vocabulary] = VOCABULARIES;
    }
    config
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
pub fn sentences(n: usize, length: usize, words: usize, seed: u64) -> Vec<Vec<u32>> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut word = || {
        // Xorshift, Marsaglia 2003.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        FIRST_WORD + (state >> 33) as u32 % (words as u32 - FIRST_WORD)
    };
    let mut sentence = || (1..length).map(|_| word()).chain([lsra_text::EOS]).collect();
    (0..n).map(|_| sentence()).collect()
}

/// Pairs of sentences of one length.
pub fn pairs(config: &ModelConfig, n: usize, length: usize) -> Corpus {
    Corpus {
        source: sentences(n, length, config.source_vocabulary, 1),
        target: sentences(n, length, config.target_vocabulary, 2),
    }
}
