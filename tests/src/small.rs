//! Small models and batches of every shape, for properties that hold for all of them.

use lsra_exec::Weights;
use lsra_model::config::{ConvolutionKind, Embeddings, FeedForwardInit, ModelConfig, NormOrder, TapsDropout};
use lsra_model::{Model, Tokens};
use lsra_train::PairBatch;
use proptest::collection::vec;
use proptest::prelude::*;

/// `</s>`.
const END: u32 = 2;
/// Words of both vocabularies.
const WORDS: usize = 23;

/// A plain configuration: light convolution beside attention, one layer a side, no dropout.
pub fn config() -> ModelConfig {
    ModelConfig {
        channels: 16,
        attention_channels: 8,
        convolution_channels: 8,
        feed_forward: 12,
        encoder_layers: 1,
        decoder_layers: 1,
        attention_heads: 2,
        cross_attention_heads: 4,
        convolution_heads: 2,
        convolution: ConvolutionKind::Lightweight,
        glu: false,
        encoder_kernels: vec![5],
        decoder_kernels: vec![3],
        embeddings: Embeddings::Separate,
        source_vocabulary: WORDS,
        target_vocabulary: WORDS,
        max_positions: 32,
        norm: NormOrder::Post,
        dropout: 0.0,
        attention_dropout: 0.0,
        taps_dropout: 0.0,
        taps_dropout_mode: TapsDropout::Shared,
        feed_forward_init: FeedForwardInit::Xavier,
    }
}

/// Both convolutions, with and without GLU; either branch alone; both places of norms; all ways to share tables.
pub fn configs() -> impl Strategy<Value = ModelConfig> {
    let branches = prop_oneof![Just((1, 1)), Just((2, 1)), Just((1, 2)), Just((2, 0)), Just((0, 2))];
    let widths = (prop_oneof![Just(4usize), Just(6), Just(8)], branches, 1usize..=20);
    let heads = (1usize..=2, 1usize..=2, 1usize..=2);
    let kinds = (any::<bool>(), any::<bool>(), any::<bool>(), 0usize..3);
    let kernels = (vec(1usize..=9, 1..=2), vec(1usize..=9, 1..=2));
    (widths, heads, kinds, kernels).prop_map(|((unit, (a, c), ffn), heads, (dynamic, glu, pre, tables), kernels)| {
        ModelConfig {
            channels: unit * (a + c),
            attention_channels: unit * a,
            convolution_channels: unit * c,
            feed_forward: ffn,
            encoder_layers: kernels.0.len(),
            decoder_layers: kernels.1.len(),
            attention_heads: heads.0,
            cross_attention_heads: heads.1,
            convolution_heads: heads.2,
            convolution: if dynamic { ConvolutionKind::Dynamic } else { ConvolutionKind::Lightweight },
            glu,
            encoder_kernels: kernels.0,
            decoder_kernels: kernels.1,
            embeddings: [Embeddings::Separate, Embeddings::SharedDecoder, Embeddings::AllShared][tables],
            norm: if pre { NormOrder::Pre } else { NormOrder::Post },
            ..config()
        }
    })
}

/// One to three sentence pairs of 1 to 9 tokens a side.
pub fn batches() -> impl Strategy<Value = PairBatch> {
    let words = || vec(4..WORDS as u32, 0..=8);
    vec((words(), words()), 1..=3).prop_map(|pairs| batch(&pairs))
}

/// Words of each side, without their ends, as a batch.
pub fn batch(pairs: &[(Vec<u32>, Vec<u32>)]) -> PairBatch {
    let sources: Vec<Vec<u32>> = pairs.iter().map(|(s, _)| [s, [END].as_slice()].concat()).collect();
    let inputs: Vec<Vec<u32>> = pairs.iter().map(|(_, t)| [[END].as_slice(), t].concat()).collect();
    PairBatch {
        source: Tokens::from_sequences(&sources),
        target_input: Tokens::from_sequences(&inputs),
        target_output: pairs.iter().flat_map(|(_, t)| [t, [END].as_slice()].concat()).collect(),
    }
}

/// Initial values with noise on all of them, so that no bias is zero and no norm the identity.
pub fn weights(model: &Model, seed: u64) -> Weights {
    let mut weights = Weights::init(&model.params, seed);
    let mut noise = noise(seed);
    for tensor in weights.tensors_mut() {
        tensor.data_mut().iter_mut().for_each(|x| *x += 0.2 * noise() as f32);
    }
    weights
}

/// Numbers from -1 to 1: SplitMix64.
pub fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}
